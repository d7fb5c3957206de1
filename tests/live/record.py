#!/usr/bin/python3
"""Makes the captures of pcaps/ and the truth beside each: real clients and servers (curl, nginx, netcat) talk across
a border of their own (tests/tools/netns.py) while tcpdump listens there. A scenario says what it sends, so NAME.json
comes from the sender's side and never from the sensor. Some captures are rewritten from a recording: other tags and
link types, lost and shuffled packets.

Every capture gets its own ten minutes of one morning, in name order, so that the folder is also one history.

usage: record.py [--out DIR] [--relabel] [NAME...]        needs root, cjpeg, curl, nginx, nc, openssl, tcpdump"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]
import make_records  # noqa: E402
import netns  # noqa: E402
from doors_mail import MAIL_SINK  # noqa: E402
import pcap  # noqa: E402

# What the shipped rules say of each kind of content, when it leaves whole.
ALERTS = {
    "photo": ["outbound_jpeg_photo"],
    "photo-gps": ["outbound_jpeg_photo", "outbound_jpeg_with_position"],
    "photo-rest": ["outbound_image_fragment"],
    "mrz": ["outbound_mrz_bulk"],
    "fmr": ["outbound_biometric_record"],
    "wsq": ["outbound_biometric_record", "outbound_fingerprint_image"],
}
SERVER, SERVER6, CLIENT_OUT = "203.0.113.80", "[2001:db8:113::80]", "203.0.113.50"
WEB = "10.20.0.80"

NGINX = """
worker_processes 1;
pid {temp}/nginx.pid;
error_log {temp}/error.log;
user root;
events {{ worker_connections 64; }}
http {{
    access_log off;
    types {{ text/html html; image/jpeg jpg; image/png png; text/css css; text/plain txt; }}
    client_body_temp_path {temp}/body;
    proxy_temp_path {temp}/proxy; fastcgi_temp_path {temp}/f; uwsgi_temp_path {temp}/u; scgi_temp_path {temp}/s;
    server {{
        listen 80; listen [::]:80;
        listen 443 ssl;
        ssl_certificate {temp}/cert.pem; ssl_certificate_key {temp}/key.pem;
        root {temp}/site;
        client_max_body_size 64m;
        gzip on; gzip_types text/plain text/css; gzip_min_length 100;
        location /upload/ {{ dav_methods PUT; create_full_put_path on; root {temp}/received; }}
        location /api/ {{ proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1; }}
    }}
}}
"""

MORNING, SLOT = 1_795_161_600_000_000_000, 600_000_000_000  # 2026-11-20T08:00:00Z, in nanoseconds
REWRITTEN = ("cooked", "lossy", "midstream", "pcapng", "pcapng-be", "qinq", "raw-ip", "shuffled", "vlan")
SCENARIOS = []


def scenario(name, about, where="wan0"):
    def add(function):
        SCENARIOS.append((name, about, where, function))
        return function
    return add


class Stage:
    """The network with its servers up, the content to send, and the truth as it grows."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.truth = []

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def sent(self, content, kind, direction="outbound", sender="client", state="CLOSED", filename=None,
             app_proto="http", times=1):
        """`content` crossed the border: `kind` names its alerts, or is "plain" for content without any."""
        alerts = ALERTS.get(kind, []) if direction == "outbound" else []
        types = {"photo": "jpeg", "photo-gps": "jpeg", "fmr": "fmr", "wsq": "wsq"}
        for _ in range(times):
            self.truth.append({"sha256": hashlib.sha256(content).hexdigest() if state == "CLOSED" else None,
                               "size": len(content) if state == "CLOSED" else None, "kind": kind,
                               "type": types.get(kind), "state": state, "direction": direction, "sender": sender,
                               "filename": filename, "app_proto": app_proto, "alerts": alerts})

    def curl(self, *arguments, host="workstation", check=True):
        self.lab_call(host, ["curl", "-sS", "-o", "/dev/null", "--max-time", "20", *arguments], check)

    def lab_call(self, host, command, check=True, **settings):
        done = self.lab.try_call(host, *command, **settings)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr.decode()}")


# --- scenarios: what people and machines do on a network ------------------------------------------------------

PORTRAIT = make_records.photo(1, latitude=31.7619, longitude=-106.4850)
PORTRAITS = [make_records.photo(seed) for seed in (11, 12, 13)]
PLATE = make_records.jpeg(make_records.plate_ppm("7X4-K92"), 80)
PROGRESSIVE = make_records.jpeg(make_records.face_ppm(2), 85, "-progressive")
MINUTIAE, FINGER = make_records.fmr(3), make_records.wsq(4)


@scenario("put-photo", "curl -T puts one portrait with a position on an nginx outside")
def put_photo(s):
    s.curl("-T", s.file("IMG_0001.JPG", PORTRAIT), f"http://{SERVER}/upload/IMG_0001.JPG")
    s.sent(PORTRAIT, "photo-gps", filename="IMG_0001.JPG")


@scenario("form", "a web form posts two photographs, a note and a name as multipart/form-data")
def form(s):
    s.curl("-F", "traveller=A. Eriksson", "-F", "photo=@" + s.file("face.jpg", PORTRAITS[0]) + ";type=image/jpeg",
           "-F", "car=@" + s.file("plate.jpg", PLATE) + ";type=application/octet-stream;filename=lane 4.jpg",
           "-F", "note=@" + s.file("note.txt", b"lane four, second car\n") + ";type=text/plain",
           f"http://{SERVER}/api/cases")
    s.sent(PORTRAITS[0], "photo", filename="face.jpg")
    s.sent(PLATE, "photo", filename="lane 4.jpg")
    s.sent(b"lane four, second car\n", "plain", filename="note.txt")


@scenario("chunked", "a program streams a photograph in chunks to port 8080, its size unsaid")
def chunked(s):
    s.curl("-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/octet-stream", "--data-binary",
           "@" + s.file("stream.bin", PROGRESSIVE), f"http://{SERVER}:8080/ingest")
    s.sent(PROGRESSIVE, "photo")


@scenario("gzip-body", "a photograph and a minutiae record leave in gzip'd bodies")
def gzip_body(s):
    for name, content, kind in (("photo", PLATE, "photo"), ("record", MINUTIAE, "fmr")):
        s.curl("-H", "Content-Encoding: gzip", "-H", "Content-Type: application/octet-stream", "--data-binary",
               "@" + s.file(name + ".gz", gzip.compress(content, mtime=0)), f"http://{SERVER}/api/{name}")
        s.sent(content, kind)


@scenario("keep-alive", "three photographs, one after another on one connection")
def keep_alive(s):
    words = []
    for i, picture in enumerate(PORTRAITS):
        words += ["-T", s.file(f"P{i}.JPG", picture), f"http://{SERVER}/upload/P{i}.JPG"]
        s.sent(picture, "photo", filename=f"P{i}.JPG")
    s.curl(*words)


@scenario("pipelined", "four requests sent before the first answer: a photograph, a GET, a record, a photograph")
def pipelined(s):
    def post(path, body):
        return (f"POST {path} HTTP/1.1\r\nHost: drop.example\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    talk = post("/api/a", PLATE) + b"GET / HTTP/1.1\r\nHost: drop.example\r\n\r\n" + post("/api/b", MINUTIAE) + \
        post("/api/c", PORTRAITS[1])
    s.lab_call("workstation", ["nc", "-w", "2", SERVER, "8080"], check=False, input=talk)
    s.sent(PLATE, "photo")
    s.sent(MINUTIAE, "fmr")
    s.sent(PORTRAITS[1], "photo")


@scenario("inside-web", "a client outside reads photographs, a range of one and a text from an inside web server")
def inside_web(s):
    site = os.path.join(s.folder, "site")
    for name, content in (("a.jpg", PORTRAITS[0]), ("b.jpg", PORTRAITS[2]), ("terms.txt", b"Terms and more. " * 60)):
        with open(os.path.join(site, name), "wb") as out:
            out.write(content)
    base = f"http://{WEB}"
    s.curl("--interface", CLIENT_OUT, f"{base}/a.jpg", "-o", "/dev/null", f"{base}/b.jpg", host="outside")
    s.curl("--interface", CLIENT_OUT, "--compressed", f"{base}/terms.txt", host="outside")
    s.curl("--interface", CLIENT_OUT, "-r", "100-5000", f"{base}/a.jpg", host="outside")
    s.sent(PORTRAITS[0], "photo", sender="server")
    s.sent(PORTRAITS[2], "photo", sender="server")
    s.sent(b"Terms and more. " * 60, "plain", sender="server")


@scenario("download", "a workstation reads a photograph from outside: nothing left")
def download(s):
    with open(os.path.join(s.folder, "site", "news.jpg"), "wb") as out:
        out.write(PORTRAITS[1])
    s.curl(f"http://{SERVER}/news.jpg")
    s.sent(PORTRAITS[1], "photo", direction="inbound", sender="server")


@scenario("netcat", "a photograph and then a fingerprint pushed through bare TCP connections")
def netcat(s):
    for port, content in ((9001, PORTRAIT), (9002, FINGER)):
        s.lab.start("outside", "nc", "-l", "-N", str(port), stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        s.lab.wait_port("outside", port)
        s.lab_call("workstation", ["nc", "-N", SERVER, str(port)], input=content)
    s.sent(PORTRAIT, "photo-gps", app_proto=None)
    s.sent(FINGER, "wsq", app_proto=None)


@scenario("biometrics", "a minutiae record and a WSQ fingerprint posted to an API")
def biometrics(s):
    for name, content, kind in (("finger.fmr", MINUTIAE, "fmr"), ("finger.wsq", FINGER, "wsq")):
        s.curl("-H", "Content-Type: application/octet-stream", "--data-binary", "@" + s.file(name, content),
               f"http://{SERVER}/api/enrol/{name}")
        s.sent(content, kind)


@scenario("passports", "forty machine-readable zones in a text file and in JSON")
def passports(s):
    zones = "".join(make_records.passport(seed) for seed in range(40))
    rows = json.dumps([{"mrz": make_records.passport(seed).strip()} for seed in range(40)]).encode()
    s.curl("-T", s.file("export.txt", zones.encode()), f"http://{SERVER}/upload/export.txt")
    s.curl("-H", "Content-Type: application/json", "--data-binary", "@" + s.file("rows.json", rows),
           f"http://{SERVER}/api/rows")
    s.sent(zones.encode(), "mrz", filename="export.txt")
    s.sent(rows, "mrz")


@scenario("tls", "the same photograph over TLS with a certificate the client does not check: opaque")
def tls(s):
    s.curl("-k", "-T", s.file("secret.jpg", PORTRAIT), f"https://{SERVER}/upload/secret.jpg", "--resolve",
           f"drop.example:443:{SERVER}")


@scenario("harmless", "an ordinary morning: pages, a style sheet, a search, a drawing and a report sent out")
def harmless(s):
    drawing, report = make_records.png(), b"quarter,lanes,hours\n3,12,5410\n" * 40
    site = os.path.join(s.folder, "site")
    for name, content in (("index.html", b"<html><body>" + b"<p>News of the day</p>" * 50 + b"</body></html>"),
                          ("style.css", b"p { margin: 1em }\n" * 30), ("logo.png", drawing)):
        with open(os.path.join(site, name), "wb") as out:
            out.write(content)
    for path in ("/", "/style.css", "/logo.png", "/missing.html"):
        s.curl("--compressed", f"http://{SERVER}{path}")
    s.curl("-d", "q=opening+hours&lang=en", f"http://{SERVER}/api/search")
    s.curl("-F", "file=@" + s.file("drawing.png", drawing) + ";type=image/png", f"http://{SERVER}/api/file")
    s.curl("-T", s.file("report.csv", report), f"http://{SERVER}/upload/report.csv")
    s.sent(drawing, "plain", filename="drawing.png")
    s.sent(report, "plain", filename="report.csv")


@scenario("cut-short", "an upload whose client gives up half-way: never whole")
def cut_short(s):
    large = make_records.jpeg(make_records.face_ppm(5, 960, 1200), 97)
    s.curl("--limit-rate", "40k", "--max-time", "1.2", "-T", s.file("half.jpg", large),
           f"http://{SERVER}/upload/half.jpg", check=False)
    s.sent(large, "photo", state="TRUNCATED", filename="half.jpg")


@scenario("ipv6", "a chunked upload over IPv6 from a unique local address")
def ipv6(s):
    s.curl("-g", "-H", "Transfer-Encoding: chunked", "-T", s.file("v6.jpg", PORTRAITS[2]),
           f"http://{SERVER6}/upload/v6.jpg")
    s.sent(PORTRAITS[2], "photo", filename="v6.jpg")


@scenario("internal", "a workstation hands a photograph to the inside server: it stays in the house", where="br0")
def internal(s):
    s.curl("-T", s.file("inside.jpg", PLATE), f"http://{WEB}/upload/inside.jpg")
    s.sent(PLATE, "photo", direction="internal", filename="inside.jpg")


@scenario("web-site", "two visitors outside browse the company's public web site: pages, decoration, a brochure")
def web_site(s):
    site = os.path.join(s.folder, "site")
    words = b"<p>We photograph lanes, so that queues are short.</p>\n"

    def picture(seed, width, height):
        return make_records.jpeg(make_records.face_ppm(seed, width, height), 80)

    letterhead = picture(47, 700, 160)
    files = {"home.html": b"<html><body>" + words * 80 + b"</body></html>",
             "team.html": b"<html><body>" + words * 30 + b"</body></html>",
             "site.css": b"img { border: 0 }\n" * 200, "site.js": b"document.title += '.';\n" * 300,
             "logo.png": make_records.png(180, 60), "favicon.png": make_records.png(32, 32),
             "map.png": make_records.png(640, 400), "banner.jpg": picture(31, 1200, 300),
             "edge.jpg": picture(32, 120, 900),
             "brochure.pdf": b"%PDF-1.4\n4 0 obj<</Subtype/Image/Filter/DCTDecode>>stream\n" + letterhead +
             b"\nendstream endobj\n%%EOF\n"}
    for i in range(6):
        files[f"teaser-{i}.jpg"] = picture(33 + i, 300, 200)
        files[f"team-{i}.jpg"] = picture(40 + i, 150, 150)
    for name, content in files.items():
        with open(os.path.join(site, name), "wb") as out:
            out.write(content)
    pages = [word for name in files for word in ("-o", "/dev/null", f"http://{WEB}/{name}")][2:]
    for visitor in (CLIENT_OUT, SERVER):
        s.curl("--interface", visitor, "--compressed", "-A", "Mozilla/5.0 (X11; Linux x86_64)", *pages, host="outside")
        for content in (*files.values(), letterhead):
            s.sent(content, "plain", sender="server")
    s.curl("--interface", CLIENT_OUT, "-F", "name=A visitor", "-F", "question=When do you open?",
           f"http://{WEB}/api/ask", host="outside")
    s.curl("--interface", CLIENT_OUT, "-k", f"https://{WEB}/home.html", "-o", "/dev/null", f"https://{WEB}/banner.jpg",
           host="outside")


@scenario("working-day", "an office sends what offices send: signed mails, a letter, minutes, orders, telemetry, a screen")
def working_day(s):
    source = random.Random(7)
    s.lab.start("outside", sys.executable, "-c", MAIL_SINK, SERVER)
    s.lab.wait_port("outside", 25)
    logo, letterhead = make_records.png(180, 60), make_records.jpeg(make_records.face_ppm(51, 700, 160), 80)
    signature = make_records.jpeg(make_records.face_ppm(52, 220, 90), 80)
    document = io.BytesIO()
    with zipfile.ZipFile(document, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo("word/document.xml"), b"<w:p>Minutes of the meeting</w:p>" * 90)
        packed.writestr(zipfile.ZipInfo("word/media/image1.jpeg"), letterhead)
    orders = "order,product,changed,shelf\n" + "".join(
        f"{4000 + i},{source.choice('ABKX')}{source.choice('CDLM')}{source.randrange(1000, 9999)},"
        f"2026-11-{1 + i % 20:02d},{i % 9}\n" for i in range(120))
    series = json.dumps({"lane": 4, "seconds": [round(source.gauss(40, 9), 4) for _ in range(256)]})
    text = ("The second line of a machine-readable zone looks like L898902C<3UTO6908061F9406236ZE184226B<<<<<14, and a "
            "social security number is written 3-2-4. Call 915-555-0142, order 219-45-6780.\n") * 5
    pdf = b"%PDF-1.4\n4 0 obj<</Subtype/Image/Filter/DCTDecode>>stream\n" + letterhead + b"\nendstream endobj\n%%EOF\n"
    parts = {"letter.pdf": pdf, "minutes.docx": document.getvalue(), "orders.csv": orders.encode(),
             "logo.png": logo, "signature.jpg": signature}
    for name in ("letter.pdf", "minutes.docx", "orders.csv"):
        words = ["-F", "=Dear colleague, see what is attached.;type=text/plain"]
        for part in (name, "logo.png", "signature.jpg"):
            words += ["-F", f"=@{s.file(part, parts[part])};encoder=base64"]
            s.sent(parts[part], "plain", app_proto="smtp", filename=part)
        s.sent(b"Dear colleague, see what is attached.", "plain", app_proto="smtp")
        if name != "orders.csv":
            s.sent(letterhead, "plain", app_proto="smtp")
        s.curl(f"smtp://{SERVER}", "--mail-from", "a@example.com", "--mail-rcpt", "b@example.org", "-H",
               f"Subject: {name}", *words)
    for body, kind in ((series, "application/json"), (orders + "end\n", "text/csv"), (text, "text/plain")):
        s.curl("-H", f"Content-Type: {kind}", "--data-binary", "@" + s.file("body", body.encode()),
               f"http://{SERVER}/api/take")
        s.sent(body.encode(), "plain")
    screen = make_records.png(640, 400)
    s.curl("-F", "file=@" + s.file("screen.png", screen) + ";type=image/png", f"http://{SERVER}/api/ticket")
    s.sent(screen, "plain", filename="screen.png")
    s.curl("-d", "name=A.+Eriksson&passport_number=C01234567&ssn=219-45-6780", f"http://{SERVER}/api/booking")
    for page in ("home", "news"):
        s.curl("-k", "--resolve", f"cloud.example:443:{SERVER}", "--data-binary", "@" + s.file("sync", bytes(200000)),
               f"https://cloud.example/{page}")


# --- recordings rewritten -------------------------------------------------------------------------------------

def shuffled(packets):
    """Neighbours change places and some frames come twice, as on a load-balanced link with a mirror port."""
    source = random.Random(6)
    out = []
    for index in range(0, len(packets), 6):
        group = packets[index:index + 6]
        if index:  # the handshake stays first
            source.shuffle(group)
        for packet in group:
            out += [packet] * (2 if source.random() < 0.1 else 1)
    times = sorted(packet[0] for packet in out)
    return [(time_ns, packet[1]) for time_ns, packet in zip(times, out)]


def lossy(packets):
    """The tap missed one full segment of every upload after the first."""
    full = [i for i, (_, data) in enumerate(packets) if pcap.payload_of(data) >= 1400]
    missed = {full[len(full) // 2], full[-3]}
    return [packet for i, packet in enumerate(packets) if i not in missed]


def midstream(packets):
    """The tap came late: the handshake and the picture's head had passed."""
    full = [i for i, (_, data) in enumerate(packets) if pcap.payload_of(data) >= 1400]
    return packets[full[2]:]


def in_its_slot(name, packets):
    names = sorted([scene[0] for scene in SCENARIOS] + list(REWRITTEN))
    shift = MORNING + names.index(name) * SLOT - packets[0][0]
    return [(time_ns + shift, data) for time_ns, data in packets]


def rewrite(out):
    def load(name):
        with open(f"{out}/{name}.json", encoding="utf-8") as file:
            return pcap.read(f"{out}/{name}.pcap")[0], json.load(file)

    def store(name, source, about, packets, truth=None, ending=".pcap", **how):
        path = f"{out}/{name}{ending}"
        packets = in_its_slot(name, packets)
        if ending.startswith(".pcapng"):
            pcap.write_pcapng(f"{out}/{name}.pcapng", packets, **how)
            raw = f"{out}/{name}.pcapng"
        else:
            raw = f"{out}/{name}.pcap"
            pcap.write(raw, packets, **how)
        if ending.endswith(".gz"):
            with open(raw, "rb") as file, open(path, "wb") as packed:
                packed.write(gzip.compress(file.read(), mtime=0))
            os.unlink(raw)
        elif ending.endswith(".zst"):
            subprocess.run(["zstd", "-q", "-f", "--rm", raw, "-o", path], check=True)
        _, was = load(source)
        write_truth(out, name, os.path.basename(path), f"{source} rewritten: {about}",
                    was["objects"] if truth is None else truth)

    put, put_truth = load("put-photo")
    forms, _ = load("form")
    three, three_truth = load("keep-alive")
    records, _ = load("biometrics")
    store("vlan", "form", "an 802.1Q tag", pcap.tagged(forms, (0x8100, 20)))
    store("qinq", "put-photo", "a service tag around a customer tag, in big-endian nanosecond pcap",
          pcap.tagged(put, (0x88A8, 300), (0x8100, 20)), order=">", nanoseconds=True)
    store("cooked", "biometrics", "Linux cooked frames, gzip", pcap.cooked(records), ending=".pcap.gz",
          link=pcap.COOKED)
    store("raw-ip", "put-photo", "raw IP, zstd", pcap.raw(put), ending=".pcap.zst", link=pcap.RAW)
    store("pcapng", "keep-alive", "pcapng with a named interface and nanoseconds", three, ending=".pcapng")
    store("pcapng-be", "form", "big-endian pcapng, gzip", forms, ending=".pcapng.gz", order=">")
    store("shuffled", "keep-alive", "out of order, some frames twice", shuffled(three))
    lost = [dict(item) for item in three_truth["objects"]]
    for item in lost[1:]:
        item.update(state="TRUNCATED", sha256=None, size=None)
    store("lossy", "keep-alive", "the tap missed a segment of two of the three uploads", lossy(three), lost)
    rest = [dict(item, kind="photo-rest", type=None, state="TRUNCATED", sha256=None, size=None, filename=None,
                 app_proto=None, alerts=ALERTS["photo-rest"]) for item in put_truth["objects"]]
    store("midstream", "put-photo", "the tap came after the picture's head", midstream(put), rest)


def relabel(out):
    """The rules' names changed: the truth follows, the recordings stay."""
    for entry in sorted(os.listdir(out)):
        if entry.endswith(".json"):
            with open(f"{out}/{entry}", encoding="utf-8") as file:
                truth = json.load(file)
            for item in truth["objects"]:
                item["alerts"] = ALERTS.get(item["kind"], []) if item["direction"] == "outbound" else []
            write_truth(out, entry[:-5], truth["capture"], truth["about"], truth["objects"])


def write_truth(out, name, capture, about, objects):
    with open(f"{out}/{name}.json", "w", encoding="utf-8") as file:
        json.dump({"capture": capture, "about": about, "made_by": "tests/live/record.py", "objects": objects}, file,
                  indent=1)
        file.write("\n")


# --- recording ------------------------------------------------------------------------------------------------

def start_servers(lab, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key.pem", "-out",
                    f"{folder}/cert.pem", "-days", "3650", "-subj", "/CN=drop.example"], check=True,
                   capture_output=True)
    for part in ("site", "received"):
        os.makedirs(f"{folder}/{part}")
    for host in ("outside", "web"):
        own = f"{folder}/{host}"
        os.makedirs(own)
        for shared in ("site", "received", "key.pem", "cert.pem"):
            os.symlink(f"{folder}/{shared}", f"{own}/{shared}")
        with open(f"{own}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(NGINX.format(temp=own))
        lab.start(host, "nginx", "-c", f"{own}/nginx.conf", "-g", "daemon off;")
        lab.start(host, os.path.join(HERE, "..", "tools", "receiver.py"), "8080")
        lab.wait_port(host, 80)
        lab.wait_port(host, 8080)


def record(name, about, where, play, out):
    with tempfile.TemporaryDirectory() as folder, netns.Lab() as lab:
        os.chmod(folder, 0o755)
        start_servers(lab, folder)
        stage = Stage(lab, folder)
        path = f"{out}/{name}.pcap"
        listener = lab.start("router", "tcpdump", "-Z", "root", "-i", where, "--immediate-mode", "-U", "-B", "8192", "-w", path,
                             "ip or ip6", stderr=subprocess.PIPE, text=True)
        for line in listener.stderr:
            if "listening on" in line:
                break
        play(stage)
        time.sleep(0.7)
        listener.terminate()
        listener.wait()
        dropped = [line for line in listener.stderr.read().splitlines() if "dropped by kernel" in line]
        if not dropped or not dropped[0].startswith("0 "):
            raise RuntimeError(f"{name}: tcpdump lost packets: {dropped}")
        packets, link = pcap.read(path)
        pcap.write(path, in_its_slot(name, packets), link)
        write_truth(out, name, f"{name}.pcap", about, stage.truth)
        print(f"{name}: {os.path.getsize(path)} bytes, {len(stage.truth)} objects", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=os.path.join(ROOT, "pcaps"))
    parser.add_argument("--relabel", action="store_true", help="only write the alerts of ALERTS into the truth")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.relabel:
        return relabel(arguments.out)
    os.makedirs(arguments.out, exist_ok=True)
    for name, about, where, play in SCENARIOS:
        if not arguments.names or name in arguments.names:
            record(name, about, where, play, arguments.out)
    rewrite(arguments.out)


if __name__ == "__main__":
    main()
