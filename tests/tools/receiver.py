#!/usr/bin/python3
"""An HTTP server that takes whatever is sent to it, any method, chunked or not, and says how much it was.

usage: receiver.py PORT"""

import http.server
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self):
        size = 0
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while True:
                part = int(self.rfile.readline().split(b";")[0], 16)
                size += len(self.rfile.read(part))
                self.rfile.readline()
                if part == 0:
                    break
        else:
            size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        answer = f"took {size} bytes\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = take

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients of these tests leave in the middle of things


if __name__ == "__main__":
    Server(("0.0.0.0", int(sys.argv[1])), Receiver).serve_forever()
