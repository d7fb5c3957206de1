"""Files that leave by mail."""

import email.message
import email.policy
import os
import shutil
import sys

from doors import INSIDE, OUTSIDE, door



def curl_mail(stage, url, path, *words):
    """A message with the file attached, made and sent by curl."""
    stage.tell("workstation", "curl", "-sSf", url, *words, "-H", "Subject: file", "-F", "=see attached;type=text/plain",
               "-F", f"=@{path};encoder=base64")


def swaks(stage, path, *words):
    stage.tell("workstation", "swaks", "--silent", "3", "--helo", "workstation.example", "--server", OUTSIDE,
               "--from", "a@example.com", "--to", "b@example.org", *words, "--attach", f"@{path}")


def message(path, subject):
    """The bytes of a message with the file attached, lines ended by CR LF."""
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.org", subject
    mail.set_content("see attached\n")
    with open(path, "rb") as file:
        mail.add_attachment(file.read(), maintype="application", subtype="octet-stream",
                            filename=os.path.basename(path))
    return mail.as_bytes(policy=email.policy.SMTP)


MAIL_SINK = r"""
import socketserver, sys
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 sink ESMTP\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    pass
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server((sys.argv[1], 25), Mail).serve_forever()
"""


@door("smtp", "swaks", "curl")
def smtp(stage):
    stage.serve("outside", 25, sys.executable, "-c", MAIL_SINK, OUTSIDE)
    files = stage.files("smtp")
    for i, path in enumerate(files):
        if i % 2:
            curl_mail(stage, f"smtp://{OUTSIDE}", path, "--mail-from", "a@example.com", "--mail-rcpt", "b@example.org")
        else:
            swaks(stage, path, *(["--pipeline"] if i % 4 else []))
    return files


IMAP_SINK = r"""
import re, socketserver, sys
class Imap(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, verb = (line.split() + [b"", b""])[:2]
            literal = re.search(rb"\{(\d+)(\+?)\}\r\n$", line)
            if literal:
                if not literal[2]:
                    self.wfile.write(b"+ go\r\n")
                self.rfile.read(int(literal[1]))
                self.rfile.readline()
            if verb.upper() == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            self.wfile.write(tag + b" OK done\r\n")
            if verb.upper() == b"LOGOUT":
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server((sys.argv[1], 143), Imap).serve_forever()
"""


@door("imap", "curl")
def imap(stage):
    stage.serve("outside", 143, sys.executable, "-c", IMAP_SINK, OUTSIDE)
    files = stage.files("imap")
    for path in files:
        curl_mail(stage, f"imap://{OUTSIDE}/Drafts", path, "-u", "a:b")
    return files


@door("smtp-aiosmtpd", "swaks", "curl", "aiosmtpd")
def smtp_aiosmtpd(stage):
    stage.serve("outside", 25, "aiosmtpd", "-n", "-l", f"{OUTSIDE}:25", "-s", "0", "-c", "aiosmtpd.handlers.Sink")
    files = stage.files("smtp-aiosmtpd")
    for i, path in enumerate(files):
        if i % 2:
            curl_mail(stage, f"smtp://{OUTSIDE}", path, "--mail-from", "a@example.com", "--mail-rcpt", "b@example.org")
        else:
            swaks(stage, path)
    return files


EXIM = """exim_path = /usr/sbin/exim4
spool_directory = {temp}
log_file_path = {temp}log-%s
pid_file_path = {temp}pid
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = {name}
local_interfaces = {address}
daemon_smtp_ports = 25
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
chunking_advertise_hosts = *
tls_advertise_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin acl
accept:
  accept
begin routers
away:
  driver = {router}
begin transports
remote:
  driver = smtp
  hosts_try_chunking = *
  hosts_try_prdr =
begin retry
* * F,1h,1m
"""


def exim_conf(stage, name, address, router):
    temp = stage.path(f"exim-{name}", "x")[:-1]
    shutil.chown(temp, "Debian-exim", "Debian-exim")
    return stage.write(f"exim-{name}.conf",
                       EXIM.format(temp=temp, name=f"{name}.example", address=address, router=router))


@door("smtp-bdat", "exim4")
def smtp_bdat(stage):
    """Exim to Exim: BDAT (RFC 3030), which escapes nothing."""
    server = exim_conf(stage, "outside", OUTSIDE, "redirect\n  data = :blackhole:")
    client = exim_conf(stage, "inside", "127.0.0.1",
                       f"manualroute\n  route_list = * {OUTSIDE} byname\n  transport = remote\n  self = send")
    stage.serve("outside", 25, "exim4", "-C", server, "-bdf", "-odq")
    files = stage.files("smtp-bdat")
    for i, path in enumerate(files):
        stage.tell("workstation", "exim4", "-C", client, "-odf", "-oi", "-f", "a@example.com", "b@example.org",
                   input=message(path, f"a file, {i}"))
    return files


DOVECOT = """base_dir = {temp}run
state_dir = {temp}state
log_path = {temp}log
protocols = imap pop3
listen = {address}
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{temp}mail/%u
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={temp}mail/%u
}}
"""


def dovecot(stage, host, address):
    temp = stage.path(f"dovecot-{host}", "x")[:-1]
    mail = stage.path(f"dovecot-{host}", "mail", "x")[:-1]
    os.chmod(temp, 0o755)
    os.chmod(mail, 0o777)
    conf = stage.write(f"dovecot-{host}.conf", DOVECOT.format(temp=temp, address=address))
    stage.serve(host, 143, "dovecot", "-F", "-c", conf)
    return mail


def fill_maildir(mail, user, files):
    """What arrived there before anyone listened."""
    new = os.path.join(mail, user, "new")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(mail, user, part))
    for i, path in enumerate(files):
        with open(os.path.join(new, f"{1000 + i}.m.host"), "wb") as file:
            file.write(message(path, f"a file, {i}").replace(b"\r\n", b"\n"))
    for folder, _, names in os.walk(os.path.join(mail, user)):
        for entry in [folder, *(os.path.join(folder, name) for name in names)]:
            shutil.chown(entry, "mail", "mail")


@door("imap-append", "dovecot", "curl")
def imap_append(stage):
    dovecot(stage, "outside", OUTSIDE)
    files = stage.files("imap-append")
    for path in files:
        curl_mail(stage, f"imap://{OUTSIDE}/INBOX", path, "-u", "joe:x")
    return files


@door("imap-fetch", "dovecot", "curl")
def imap_fetch(stage):
    files = stage.files("imap-fetch")
    fill_maildir(dovecot(stage, "web", INSIDE), "joe", files)
    stage.tell("outside", "curl", "-sSf", "-u", "joe:x", "-o", "/dev/null",
               f"imap://{INSIDE}/INBOX;MAILINDEX=[1-{len(files)}]")
    return files


@door("pop3", "dovecot", "curl")
def pop3(stage):
    files = stage.files("pop3")
    fill_maildir(dovecot(stage, "web", INSIDE), "ann", files)
    stage.tell("outside", "curl", "-sSf", "-u", "ann:x", "-o", "/dev/null", f"pop3://{INSIDE}/[1-{len(files)}]")
    return files
