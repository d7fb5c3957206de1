#!/usr/bin/python3
"""What can be known of conversations nobody can read: real peers speak TLS, DTLS, QUIC, SSH and OpenVPN over a network of
namespaces, tcpdump listens on the border, and the replayed capture must name protocol, server, software and certificate.
Fingerprints and certificates are compared with what tshark reads in the same capture; JA4, which it does not know, is made
here of the lists it shows. TAP on standard output.

usage: opaque.py [--sensor PATH] [--keep DIR] [NAME...]        needs root and the peers installed"""

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import netns  # noqa: E402
from sensor import RULES, Sensor, ledger_error  # noqa: E402

OUTSIDE = "203.0.113.80"
NAME = "drop.example.org"
CASES = []


def case(name, *programs):
    def add(function):
        CASES.append((name, ("tcpdump", "tshark", "openssl") + programs, function))
        return function
    return add


class Stage:
    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.key, self.certificate = self.path("key.pem"), self.path("certificate.pem")
        if not os.path.exists(self.key):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-keyout", self.key, "-out", self.certificate, "-days", "30", "-subj",
                            f"/C=DE/O=Drop, Inc./OU=a+OU=b/CN={NAME}/emailAddress=root@{NAME}", "-addext",
                            f"subjectAltName=DNS:{NAME},DNS:*.example.net,IP:203.0.113.80,IP:2001:db8::1"],
                           check=True, capture_output=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def serve(self, port, *command, **settings):
        with open(self.path("server.log"), "ab") as log:
            self.lab.start("outside", *command, stdout=log, stderr=log, stdin=subprocess.PIPE, start_new_session=True,
                           **settings)
        if port:
            self.lab.wait_port("outside", port)
        else:
            time.sleep(1)

    def tell(self, *command, seconds=10, **settings):
        """A client, until it ends or its time is over; some never end by themselves."""
        settings.setdefault("stdin", subprocess.DEVNULL)
        with open(self.path("client.log"), "ab") as log:
            try:
                subprocess.run(self.lab.command("workstation", *command), timeout=seconds, check=False, stdout=log,
                               stderr=log, **settings)
            except subprocess.TimeoutExpired:
                pass

    def openssl_server(self, port, *more):
        self.serve(port, "openssl", "s_server", "-accept", str(port), "-key", self.key, "-cert", self.certificate,
                   "-quiet", *more)

    def openssl_client(self, port, *more, host=OUTSIDE):
        self.tell("openssl", "s_client", "-connect", f"{host}:{port}", "-servername", NAME, *more, input=b"hello\n",
                  stdin=None, seconds=5)


# ---- the conversations; each returns what the flow's event must say ----

def cert(version="TLS 1.2"):
    return {"tls.sni": NAME, "tls.version": version,
            "tls.subject": f"C=DE, O=Drop, Inc., OU=a + OU=b, CN={NAME}, emailAddress=root@{NAME}",
            "tls.issuerdn": f"C=DE, O=Drop, Inc., OU=a + OU=b, CN={NAME}, emailAddress=root@{NAME}",
            "tls.subjectaltname": [NAME, "*.example.net", "203.0.113.80", "2001:db8::1"]}


@case("TLS 1.2")
def tls12(stage):
    stage.openssl_server(8443, "-tls1_2", "-alpn", "h2")
    stage.openssl_client(8443, "-alpn", "h2,http/1.1")
    return "tls", dict(cert(), **{"tls.client_alpns": ["h2", "http/1.1"], "tls.server_alpns": ["h2"]})


@case("TLS 1.3")
def tls13(stage):
    stage.openssl_server(8443, "-alpn", "h2")
    stage.openssl_client(8443, "-alpn", "h2,http/1.1")
    return "tls", {"tls.sni": NAME, "tls.version": "TLS 1.3", "tls.client_alpns": ["h2", "http/1.1"], "tls.subject": None}


@case("TLS 1.3, the server asks for another group")
def retry(stage):
    stage.openssl_server(8443, "-groups", "P-384")
    stage.openssl_client(8443, "-groups", "X25519:P-384")
    return "tls", {"tls.sni": NAME, "tls.version": "TLS 1.3"}


@case("TLS 1.3, a ClientHello of several segments")
def large(stage):
    names = ",".join(f"protocol-of-a-long-name-{i:04d}" for i in range(200))
    stage.openssl_server(8443)
    stage.openssl_client(8443, "-alpn", names)
    return "tls", {"tls.sni": NAME, "tls.version": "TLS 1.3"}


@case("TLS 1.3, records of 512 bytes")
def fragments(stage):
    stage.openssl_server(8443, "-tls1_2", "-max_send_frag", "512")
    stage.openssl_client(8443, "-max_send_frag", "512", "-alpn", ",".join(f"name-{i:04d}" for i in range(150)))
    return "tls", cert()


@case("TLS 1.3 over IPv6")
def six(stage):
    stage.openssl_server(8443, "-6")
    stage.openssl_client(8443, host="[2001:db8:113::80]")
    return "tls", {"tls.sni": NAME, "tls.version": "TLS 1.3"}


@case("TLS, GnuTLS on both sides", "gnutls-cli", "gnutls-serv")
def gnutls(stage):
    stage.serve(8443, "gnutls-serv", "-p", "8443", "--x509keyfile", stage.key, "--x509certfile", stage.certificate,
                "--priority", "NORMAL:-VERS-TLS1.3")
    stage.tell("gnutls-cli", "--insecure", "--sni-hostname", NAME, "-p", "8443", OUTSIDE, input=b"x\n", stdin=None,
               seconds=3)
    return "tls", cert()


@case("HTTPS, curl", "curl")
def https(stage):
    stage.openssl_server(8443, "-www", "-alpn", "http/1.1")
    stage.tell("curl", "-sk", "--resolve", f"{NAME}:8443:{OUTSIDE}", f"https://{NAME}:8443/")
    return "tls", {"tls.sni": NAME, "tls.version": "TLS 1.3", "tls.client_alpns": ["h2", "http/1.1"]}


# Servers that agree on TLS in the words of their protocol, then speak it: (greeting, then pairs of what ends the client's
# words and the answer).
WORDS = {
    "smtp": ("220 mail ESMTP\r\n", [("EHLO", "250-mail\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\n")]),
    "pop3": ("+OK pop\r\n", [("STLS", "+OK go\r\n")]),
    "imap": ("* OK imap\r\n", [("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n"), ("STARTTLS", ". OK go\r\n")]),
    "ftp": ("220 ftp\r\n", [("AUTH", "234 go\r\n")]),
    "xmpp": ("", [("stream:stream", "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream="
                   "'http://etherx.jabber.org/streams' version='1.0'><stream:features><starttls xmlns="
                   "'urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"),
                  ("starttls", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")]),
    "postgres": ("", [("\x04\xd2\x16\x2f", "S")]),
    "mysql": ("\x4a\0\0\0\x0a5.7.29\0\x08\0\0\0abcdefgh\0\xff\xff\x08\x02\0\xff\xc1\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0"
              "mysql_native_password\0", [("\x20\0\0\1", "")]),
    "ldap": ("", [("1.3.6.1.4.1.1466.20037", "\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x16"
                   "1.3.6.1.4.1.1466.20037")]),
    "nntp": ("200 news\r\n", [("CAPABILITIES", "101 list\r\nSTARTTLS\r\n.\r\n"), ("STARTTLS", "382 go\r\n")]),
    "sieve": ('"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n', [("STARTTLS", "OK go\r\n")]),
}

SERVER = """
import socket, ssl, sys, ast
port, key, certificate, greeting, pairs = int(sys.argv[1]), sys.argv[2], sys.argv[3], *ast.literal_eval(sys.argv[4])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.maximum_version = ssl.TLSVersion.TLSv1_2
listener = socket.create_server(("", port))
s, _ = listener.accept()
s.sendall(greeting.encode("latin-1"))
for word, answer in pairs:
    had = b""
    while word.encode("latin-1") not in had:
        had += s.recv(4096 if answer else 36) # MySQL's client does not wait for an answer
    s.sendall(answer.encode("latin-1"))
s = context.wrap_socket(s, server_side=True)
s.recv(100)
s.close()
"""


def starttls(protocol):
    @case(f"STARTTLS: {protocol}")
    def run(stage):
        stage.serve(8400, sys.executable, "-c", SERVER, "8400", stage.key, stage.certificate, repr(WORDS[protocol]))
        more = ["-name", "x"] if protocol in ("smtp", "xmpp") else []
        stage.openssl_client(8400, "-starttls", protocol, *more)
        return "tls", cert()
    return run


for _protocol in WORDS:
    starttls(_protocol)


@case("DTLS 1.2")
def dtls(stage):
    stage.serve(0, "openssl", "s_server", "-dtls", "-accept", "8444", "-key", stage.key, "-cert", stage.certificate,
                "-quiet")
    stage.openssl_client(8444, "-dtls")
    return "dtls", cert("DTLS 1.2")


@case("DTLS 1.2, handshake messages in fragments")
def dtls_fragments(stage):
    stage.serve(0, "openssl", "s_server", "-dtls", "-accept", "8444", "-key", stage.key, "-cert", stage.certificate,
                "-quiet", "-mtu", "256")
    stage.openssl_client(8444, "-dtls", "-mtu", "256", "-alpn", ",".join(f"name-{i:04d}" for i in range(60)))
    return "dtls", cert("DTLS 1.2")


def quic(title, version, want, *server, client=()):
    @case(title, "gtlsclient", "gtlsserver")
    def run(stage):
        os.makedirs(stage.path("htdocs"), exist_ok=True)
        with open(stage.path("htdocs/index.html"), "w", encoding="utf-8") as page:
            page.write("page")
        stage.serve(0, "gtlsserver", "-q", *server, "-d", stage.path("htdocs"), "0.0.0.0", "8445", stage.key,
                    stage.certificate)
        stage.tell("gtlsclient", "-q", "--exit-on-all-streams-close", "--version", version, *client, OUTSIDE, "8445",
                   f"https://{NAME}:8445/index.html", seconds=6)
        # "localhost" is what this client says to an address.
        return "quic", dict({"tls.sni": "localhost", "quic.sni": "localhost", "tls.version": "TLS 1.3", "tls.client_alpns": ["h3"]},
                            **want)
    return run


quic("QUIC version 1", "v1", {"quic.version": "1"})
quic("QUIC version 2, its draft", "v2draft", {"quic.version": "2-draft"})
quic("QUIC draft 29", "0xff00001d", {"quic.version": "draft-29"})
quic("QUIC, the server goes on in version 2", "v1", {"quic.version": "2-draft"}, "--preferred-versions=v2draft",
     client=("--other-versions=v2draft,v1",))
quic("QUIC with a Retry", "v1", {"quic.version": "1"}, "-V")
quic("QUIC after a Version Negotiation", "0x1a2a3a4a", {"quic.version": "1"}, client=("--preferred-versions=v1",))


@case("SSH, an upload by scp", "sshd", "scp", "ssh-keygen")
def ssh(stage):
    for key in ("host", "user"):
        if not os.path.exists(stage.path(key)):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stage.path(key)], check=True)
    os.makedirs("/run/sshd", exist_ok=True)
    stage.write("sshd.conf", f"HostKey {stage.path('host')}\nAuthorizedKeysFile {stage.path('user.pub')}\n"
                             "StrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nPidFile none\n")
    stage.serve(2222, shutil.which("sshd"), "-D", "-e", "-p", "2222", "-f", stage.path("sshd.conf"))
    with open(stage.path("upload"), "wb") as file:
        file.write(os.urandom(3_000_000))
    stage.tell("scp", "-q", "-P", "2222", "-i", stage.path("user"), "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", stage.path("upload"), f"root@{OUTSIDE}:{stage.path('arrived')}", seconds=20)
    version = re.search(r"OpenSSH_[^ ,]+", subprocess.run(["ssh", "-V"], capture_output=True, text=True,
                                                           check=False).stderr)[0]
    return "ssh", {"ssh.client.proto_version": "2.0", "ssh.client.software_version": version,
                   "ssh.server.software_version": version, "dlp.facts.flow_full_out": (90, 100),
                   "dlp.facts.flow_burst_out": (2_900_000, 3_300_000)}


def openvpn(title, protocol, *more):
    @case(title, "openvpn")
    def run(stage):
        if "tls-auth" in more or "tls-crypt" in more:
            subprocess.run(["openvpn", "--genkey", "secret", stage.path("secret")], check=True, capture_output=True)
        if "tls-crypt-v2" in more:
            subprocess.run(["openvpn", "--genkey", "tls-crypt-v2-server", stage.path("secret")], check=True,
                           capture_output=True)
            subprocess.run(["openvpn", "--tls-crypt-v2", stage.path("secret"), "--genkey", "tls-crypt-v2-client",
                            stage.path("client-secret")], check=True, capture_output=True)
        common = ["--dev", "null", "--verb", "3", "--ca", stage.certificate, "--cert", stage.certificate, "--key", stage.key]
        server = [arg for word in more for arg in ([f"--{word}", stage.path("secret")] if word.startswith("tls-")
                                                   else [word])]
        client = [arg.replace("secret", "client-secret") if "tls-crypt-v2" in more and "/" in arg else arg
                  for arg in server]
        stage.serve(0, "openvpn", *common, "--dh", "none", "--tls-server", "--port", "1999",
                    "--proto", protocol.replace("tcp", "tcp-server"), *server)
        stage.tell("openvpn", *common, "--tls-client", "--remote", OUTSIDE, "1999", "--nobind",
                   "--proto", protocol.replace("tcp", "tcp-client"), *client, seconds=2)
        return "openvpn", {}
    return run


openvpn("OpenVPN over UDP", "udp")
openvpn("OpenVPN over TCP", "tcp")
openvpn("OpenVPN, tls-auth with SHA-1", "udp", "tls-auth")
openvpn("OpenVPN, tls-auth with SHA-256, TCP", "tcp", "tls-auth", "--auth", "SHA256")
openvpn("OpenVPN, tls-auth with SHA-512", "udp", "tls-auth", "--auth", "SHA512")
openvpn("OpenVPN, tls-crypt", "udp", "tls-crypt")
openvpn("OpenVPN, tls-crypt-v2", "udp", "tls-crypt-v2")
openvpn("OpenVPN, tls-crypt-v2, TCP", "tcp", "tls-crypt-v2")


# ---- what tshark reads ----

FIELDS = ("tls.handshake.type", "tls.handshake.ja3", "tls.handshake.ja3s",
          "tls.handshake.ciphersuite", "tls.handshake.extension.type", "tls.handshake.sig_hash_alg",
          "tls.handshake.extensions.supported_version", "tls.handshake.version", "tls.handshake.extensions_alpn_str",
          "x509af.serialNumber", "frame.number")


def grease(value):
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def numbers(text):
    return [int(one, 0) for one in text.split(",") if one and not grease(int(one, 0))]


def ja4_of(carrier, row):
    """FoxIO's JA4 of one ClientHello, from the lists tshark shows."""
    names = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10"}
    ciphers = numbers(row["tls.handshake.ciphersuite"])
    extensions = numbers(row["tls.handshake.extension.type"])
    versions = numbers(row["tls.handshake.extensions.supported_version"]) or numbers(row["tls.handshake.version"])
    alpn = (row["tls.handshake.extensions_alpn_str"] or "00").split(",")[0]
    head = f"{carrier}{names[max(versions)]}{'d' if 0 in extensions else 'i'}{min(len(ciphers), 99):02}" \
           f"{min(len(extensions), 99):02}{alpn[0]}{alpn[-1]}"
    kept = ",".join(f"{e:04x}" for e in sorted(extensions) if e not in (0, 16))
    signatures = ",".join(f"{s:04x}" for s in numbers(row["tls.handshake.sig_hash_alg"]))
    lists = (",".join(f"{c:04x}" for c in sorted(ciphers)), kept + ("_" + signatures if signatures else ""))
    return "_".join([head] + [hashlib.sha256(text.encode()).hexdigest()[:12] for text in lists])


def read_tshark(capture):
    """The first ClientHello's, the last ServerHello's and the certificate's fields of a capture with one conversation."""
    command = ["tshark", "-r", capture, "-o", "tcp.desegment_tcp_streams:TRUE", "-Y",
               "tls.handshake.type == 1 || tls.handshake.type == 2 || tls.handshake.type == 11", "-T", "fields",
               "-E", "separator=|", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    command += ["-d", "tcp.port==8443,tls", "-d", "udp.port==8445,quic"]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    hello, server, serial = None, None, None
    for line in out.splitlines():
        row = dict(zip(FIELDS, line.split("|")))
        kinds = row["tls.handshake.type"].split(",")
        if "1" in kinds and hello is None:
            hello = row
        if "2" in kinds:
            server = row
        serial = serial or row["x509af.serialNumber"]
    return hello, server, serial


def against_tshark(capture, event, protocol):
    hello, server, serial = read_tshark(capture)
    tls = event["tls"]
    wanted = []
    if hello is None:
        return None if value_at(event, "quic.version") == "2-draft" else "tshark saw no ClientHello" # it reads no drafts
    wanted.append(("ja3.hash", tls["ja3"]["hash"], hello["tls.handshake.ja3"].split(",")[0]))
    wanted.append(("ja3.string", hashlib.md5(tls["ja3"]["string"].encode()).hexdigest(), tls["ja3"]["hash"]))
    wanted.append(("ja4", tls["ja4"], ja4_of("q" if protocol == "quic" else "t", hello)))
    if server:
        wanted.append(("ja3s.hash", tls["ja3s"]["hash"], server["tls.handshake.ja3s"].split(",")[-1]))
    if serial:
        wanted.append(("serial", tls["serial"].replace(":", "").lower(), serial.split(",")[0].replace(":", "").lower()))
    return "\n".join(f"{name}: {got}, tshark has {want}" for name, got, want in wanted if got != want) or None


def hassh_against_tshark(capture, ssh):
    out = subprocess.run(["tshark", "-r", capture, "-d", "tcp.port==2222,ssh", "-Y", "ssh.message_code == 20", "-T", "fields",
                          "-E", "separator=|", "-e", "ssh.kex.hassh", "-e", "ssh.kex.hasshserver"], capture_output=True,
                         text=True, check=False).stdout
    seen = set(out.replace("|", "\n").split())
    got = {ssh["client"]["hassh"]["hash"], ssh["server"]["hassh"]["hash"]}
    return [] if got == seen else [f"HASSH {got}, tshark has {seen}"]


# ---- the run ----

def record(stage, name, function):
    capture = stage.path(f"{re.sub('[^A-Za-z0-9]+', '-', name)}.pcap")
    tcpdump = stage.lab.start("router", "tcpdump", "-i", "wan0", "-s", "0", "-U", "--immediate-mode", "-B", "65536", "-w",
                              capture, "ip or ip6 and not icmp6", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tcpdump.stderr.readline()
    try:
        protocol, want = function(stage)
        time.sleep(0.3)
    finally:
        tcpdump.terminate()
        tcpdump.wait(10)
    return capture, protocol, want


def value_at(event, path):
    for step in path.split("."):
        event = event.get(step) if isinstance(event, dict) else None
    return event


def differs(got, want):
    return not (got is not None and want[0] <= got <= want[1]) if isinstance(want, tuple) else got != want


def judge(sensor, capture, protocol, want):
    """None, or what went wrong."""
    result = sensor.replay("--events", "flow", capture)
    if result.code:
        return result.failed()
    error = ledger_error(result.stats)
    if error:
        return error
    flows = [row for row in result.events("flow") if row["app_proto"] == protocol]
    if not flows:
        return f"no flow of {protocol}, but {[(row['proto'], row['app_proto']) for row in result.events('flow')]}"
    event = max(flows, key=lambda row: row["dlp"]["payload_toserver"])
    if not event["dlp"]["opaque"]:
        return "not opaque"
    wrong = [f"{path} is {value_at(event, path)!r}, wanted {wish!r}" for path, wish in want.items()
             if differs(value_at(event, path), wish)]
    if protocol in ("tls", "quic"):
        error = against_tshark(capture, event, protocol)
        wrong += [error] if error else []
    if protocol == "ssh":
        wrong += hassh_against_tshark(capture, event["ssh"])
    return "\n".join(wrong) or None


def play(sensor, stage, name, function):
    """None, or what went wrong. The servers end with their case."""
    try:
        return judge(sensor, *record(stage, name, function))
    except (RuntimeError, OSError, subprocess.SubprocessError) as trouble:
        return str(trouble)
    finally:
        for child in stage.lab.children:
            child.kill()
            child.wait(5)
        stage.lab.children.clear()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default="build/dlp-sensor")
    parser.add_argument("--keep", help="leave captures and logs here")
    parser.add_argument("names", nargs="*", help="only cases whose name contains one of these")
    options = parser.parse_args()
    cases = [row for row in CASES if not options.names or any(name in row[0] for name in options.names)]
    print(f"1..{len(cases)}", flush=True)
    reason = netns.available()
    folder = options.keep or tempfile.mkdtemp(prefix="dlp-opaque-")
    os.makedirs(folder, exist_ok=True)
    failed = 0
    try:
        with netns.Lab() if not reason else contextlib.nullcontext() as lab:
            for number, (name, programs, function) in enumerate(cases, 1):
                absent = [program for program in programs if not shutil.which(program)]
                if reason or absent:
                    print(f"ok {number} - {name} # SKIP {reason or 'not installed: ' + ', '.join(absent)}", flush=True)
                    continue
                error = play(Sensor(options.sensor), Stage(lab, folder), name, function)
                failed += bool(error)
                print(f"{'not ok' if error else 'ok'} {number} - {name}", flush=True)
                for line in (error or "").splitlines():
                    print(f"# {line}", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
