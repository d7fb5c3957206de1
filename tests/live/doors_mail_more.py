"""More doors for mail: the programs people and scripts send mail with, and mail fetched from a server inside
(dovecot) by the programs that fetch it."""

import os
import shutil
import subprocess
import sys
import time
from email.message import EmailMessage

from doors import INSIDE, OUTSIDE, VISITOR, door

AIOSMTPD = r"""
import sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
class Any(Controller):
    def factory(self):
        return SMTP(self.handler, enable_SMTPUTF8=True, data_size_limit=100_000_000)
Any(Sink(), hostname=sys.argv[1], port=int(sys.argv[2])).start()
time.sleep(3600)
"""

SMTPLIB = r"""
import smtplib, sys
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
server = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), local_hostname="pc.example.com")
for i, path in enumerate(sys.argv[3:]):
    message = EmailMessage(policy=SMTPUTF8 if i % 2 else SMTP)
    message["From"], message["To"], message["Subject"] = "ann@example.com", "bob@example.org", f"Fotos für dich {i}"
    message.set_content("See the attached file.")
    message.add_attachment(open(path, "rb").read(), maintype="application", subtype="octet-stream",
                           filename=path.split("/")[-1].replace("file", "Grüße "))
    server.send_message(message)
server.quit()
"""

IMAPLIB = r"""
import imaplib, sys
how, host = sys.argv[1:3]
box = imaplib.IMAP4(host, 143)
box.login("ann", "secret")
box.select("INBOX")
count = len(box.search(None, "ALL")[1][0].split())
for n in range(1, count + 1):
    if how == "whole":
        box.fetch(str(n), "(UID FLAGS BODY.PEEK[])" if n % 2 else "(RFC822)")
    elif how == "pieces":
        size = int(box.fetch(str(n), "(RFC822.SIZE)")[1][0].split()[-1].rstrip(b")"))
        for at in range(0, size, 5000):
            box.fetch(str(n), f"(UID BODY.PEEK[]<{at}.5000>)")
    else:
        box.fetch(str(n), "(UID BODYSTRUCTURE)")
        box.fetch(str(n), "(BODY.PEEK[2.MIME])")
        box.fetch(str(n), "(BINARY.PEEK[2])" if n % 3 == 0 else "(BODY.PEEK[2])")
box.logout()
"""


def letter(path, number=0):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.com", "bob@example.org", f"file {number}"
    message["Message-ID"] = f"<{number}.{os.path.basename(path).replace(' ', '_')}@example.com>"
    message.set_content("See the attached file.")
    with open(path, "rb") as file:
        message.add_attachment(file.read(), maintype="application", subtype="octet-stream", filename=os.path.basename(path))
    return message.as_bytes()


def mail_server(stage, name, host, address):
    """A dovecot with one user, whose mail is in the folder this returns."""
    folder = stage.path(f"dovecot-{name}", "x")[:-1]
    home = folder + "home"
    for part in ("cur", "new", "tmp"):
        os.makedirs(f"{home}/Maildir/{part}", exist_ok=True)
    subprocess.run(["chown", "-R", "nobody:nogroup", home], check=True)
    conf = stage.write(f"dovecot-{name}.conf", f"""
base_dir = {folder}run
log_path = {folder}log
protocols = imap pop3
listen = {address}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}
}}
namespace inbox {{
  inbox = yes
}}
""")
    os.chmod(stage.folder, 0o755)
    stage.lab.start(host, "dovecot", "-F", "-c", conf, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True)
    stage.lab.wait_port(host, 143)
    return home + "/Maildir"


def deliver(maildir, files):
    for number, path in enumerate(files):
        name = f"{maildir}/new/{1_700_000_000 + number}.{number}.example"
        with open(name, "wb") as file:
            file.write(letter(path, number))
        shutil.chown(name, "nobody", "nogroup")


# ---- out by SMTP ----

def sink(stage, port=25):
    stage.serve("outside", port, sys.executable, "-c", AIOSMTPD, OUTSIDE, str(port))


@door("smtp-smtplib", "python3")
def smtp_smtplib(stage):
    sink(stage, 587)
    files = stage.files("smtp-smtplib", 40)
    for at in range(0, len(files), 20):
        stage.tell("workstation", sys.executable, "-c", SMTPLIB, OUTSIDE, "587", *files[at:at + 20])
    return files


@door("smtp-msmtp", "msmtp")
def smtp_msmtp(stage):
    sink(stage, 2525)
    files = stage.files("smtp-msmtp", 20)
    for number, path in enumerate(files):
        stage.tell("workstation", "msmtp", "--host", OUTSIDE, "--port", "2525", "--from", "ann@example.com", "--tls=off",
                   "--auth=off", "bob@example.org", "eve@example.org", input=letter(path, number))
    return files


@door("smtp-s-nail", "s-nail")
def smtp_s_nail(stage):
    sink(stage)
    files = stage.files("smtp-s-nail", 20)
    for path in files:
        stage.tell("workstation", "s-nail", "-:/", "-Ssendwait", f"-Smta=smtp://{OUTSIDE}:25", "-Ssmtp-auth=none",
                   "-Sv15-compat", "-Sfrom=ann@example.com", "-Shostname=pc.example.com", "-s", "file", "-a", path,
                   "bob@example.org", input=b"See attached.\n")
    return files


@door("smtp-mutt", "mutt")
def smtp_mutt(stage):
    sink(stage)
    conf = stage.write("muttrc", f'set smtp_url="smtp://{OUTSIDE}:25/"\nset ssl_starttls=no\nset ssl_force_tls=no\nset from="ann@example.com"\n'
                       'set copy=no\nset realname="Ann"\nset hostname="pc.example.com"\n')
    files = stage.files("smtp-mutt", 20)
    for path in files:
        stage.tell("workstation", "mutt", "-n", "-F", conf, "-s", "file", "-a", path, "--", "bob@example.org",
                   input=b"See attached.\n")
    return files


# ---- out by IMAP ----

@door("imap-mbsync", "mbsync", "dovecot")
def imap_mbsync(stage):
    """Drafts written inside, synchronised to a server outside."""
    mail_server(stage, "out", "outside", OUTSIDE)
    files = stage.files("imap-mbsync", 40)
    local = stage.path("mbsync-local", "x")[:-1]
    for part in ("cur", "new", "tmp"):
        os.makedirs(f"{local}INBOX/{part}", exist_ok=True)
    for number, path in enumerate(files):
        with open(f"{local}INBOX/new/{1_700_000_000 + number}.{number}.pc", "wb") as file:
            file.write(letter(path, number))
    conf = stage.write("mbsyncrc", f"""IMAPStore far
Host {OUTSIDE}
User ann
Pass secret
SSLType None
AuthMechs LOGIN

MaildirStore near
Path {local}
Inbox {local}INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Sync Push
SyncState {local}state
""")
    stage.tell("workstation", "mbsync", "-c", conf, "all")
    return files


# ---- fetched from a server inside ----

def inside(stage, name, count=40):
    maildir = mail_server(stage, name, "web", INSIDE)
    files = stage.files(name, count)
    deliver(maildir, files)
    return files


def imaplib_door(how):
    @door(f"imap-fetch-{how}", "dovecot")
    def fetch(stage):
        files = inside(stage, f"imap-fetch-{how}")
        stage.tell("outside", sys.executable, "-c", IMAPLIB, how, INSIDE)
        return files
    return fetch


for way in ("whole", "pieces", "parts"):
    imaplib_door(way)


def fetchmail_door(protocol):
    @door(f"{protocol}-fetchmail", "fetchmail", "dovecot")
    def fetch(stage):
        files = inside(stage, f"{protocol}-fetchmail")
        conf = stage.write("fetchmailrc", f'poll {INSIDE} proto {protocol} user ann password secret sslproto "" keep '
                           'mda "cat >/dev/null"\n')
        os.chmod(conf, 0o600)
        done = stage.lab.try_call("outside", "fetchmail", "-f", conf, "--pidfile", stage.path("fetchmail.pid"), "-i",
                                  stage.path("fetchids"), "-B", "1000")
        if done.returncode:
            raise RuntimeError(f"fetchmail: {done.stderr[-500:]!r} {done.stdout[-500:]!r}")
        return files
    return fetch


for way in ("imap", "pop3"):
    fetchmail_door(way)


@door("pop3-curl", "curl", "dovecot")
def pop3_curl(stage):
    files = inside(stage, "pop3-curl", 30)
    words = [word for number in range(1, len(files) + 1) for word in ("-o", "/dev/null", f"pop3://{INSIDE}/{number}")]
    stage.tell("outside", "curl", "-sSf", "--interface", VISITOR, "-u", "ann:secret", *words)
    return files


@door("imap-curl", "curl", "dovecot")
def imap_curl(stage):
    files = inside(stage, "imap-curl", 30)
    words = [word for number in range(1, len(files) + 1)
             for word in ("-o", "/dev/null", f"imap://{INSIDE}/INBOX;MAILINDEX={number}{';SECTION=2' if number % 2 else ''}")]
    stage.tell("outside", "curl", "-sSf", "--interface", VISITOR, "-u", "ann:secret", *words)
    return files


@door("imap-mbsync-pull", "mbsync", "dovecot")
def imap_mbsync_pull(stage):
    files = inside(stage, "imap-mbsync-pull")
    local = stage.path("mbsync-pull", "x")[:-1]
    conf = stage.write("mbsyncrc-pull", f"""IMAPStore far
Host {INSIDE}
User ann
Pass secret
SSLType None
AuthMechs LOGIN

MaildirStore near
Path {local}
Inbox {local}INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState {local}state
""")
    stage.tell("outside", "mbsync", "-c", conf, "all")
    time.sleep(0.2)
    return files

