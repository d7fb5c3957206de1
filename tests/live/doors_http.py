"""Files that leave by HTTP, in every shape it carries them: bodies, forms, streams, messages."""

import gzip
import os
import subprocess
import sys
import zlib

from doors import INSIDE, OUTSIDE, VISITOR, door, url_name

NGINX = """daemon off; user root; pid {temp}pid; error_log {temp}error; {load}
events {{}} http {{ access_log off; client_body_temp_path {temp}b; client_max_body_size 0;
proxy_temp_path {temp}p; fastcgi_temp_path {temp}f; uwsgi_temp_path {temp}u; scgi_temp_path {temp}s; {server} }}"""

# Takes any body there is, chunked or counted.
HTTP_SINK = r"""
import http.server, sys
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def take(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")
    do_POST = do_PUT = do_PATCH = take
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Sink).serve_forever()
"""


def nginx(stage, host, port, name, server, load=""):
    temp = stage.path(name, "x")[:-1]
    conf = stage.write(f"{name}.conf", NGINX.format(temp=temp, load=load, server=server))
    stage.serve(host, port, "nginx", "-c", conf, "-p", temp)


def dav_folder(stage, name):
    site = stage.path(name, "site", "up", "x")[:-1]
    os.chmod(site, 0o777)
    return os.path.dirname(site.rstrip("/"))


def curl(stage, host, *words):
    stage.tell(host, "curl", "-sSf", "--max-time", "60", "-o", "/dev/null", *words)


@door("http-put", "nginx", "curl")
def http_put(stage):
    site = dav_folder(stage, "nginx-put")
    nginx(stage, "outside", 8080, "nginx-put", f"server {{ listen 8080; root {site}; dav_methods PUT; }}")
    files = stage.files("http-put")
    for i, path in enumerate(files):
        more = [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]][i % 4]
        curl(stage, "workstation", *more, "-T", path, f"http://{OUTSIDE}:8080/up/{i}")
    return files


@door("http-get", "nginx", "curl")
def http_get(stage):
    nginx(stage, "web", 80, "nginx-get", "gzip on; gzip_types *; gzip_min_length 20; gzip_proxied any;"
          f" server {{ listen 80; root {stage.folder}/http-get; }}")
    files = stage.files("http-get")
    os.chmod(stage.folder, 0o755)
    urls = [f"http://{INSIDE}/{url_name(path)}" for path in files]
    for begin in range(0, len(urls), 10):  # ten over one connection
        out = [word for url in urls[begin:begin + 10] for word in ("-o", "/dev/null", url)]
        stage.tell("outside", "curl", "-sSf", "--interface", VISITOR, *(["--compressed"] if begin % 20 else []), *out)
    return files


def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout


@door("http-post", "curl")
def http_post(stage):
    """Bodies of other methods, some of them coded as Content-Encoding says."""
    stage.serve("outside", 8080, sys.executable, "-c", HTTP_SINK, OUTSIDE, "8080")
    files = stage.files("http-post")
    codings = [(None, None), ("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd)]
    for i, path in enumerate(files):
        name, code = codings[i % 4]
        body = path
        more = ["-H", "Transfer-Encoding: chunked"] if i % 3 else []
        if name:
            body = stage.path("http-post-coded", str(i))
            with open(path, "rb") as source, open(body, "wb") as out:
                out.write(code(source.read()))
            more += ["-H", f"Content-Encoding: {name}"]
        curl(stage, "workstation", "-X", ["POST", "PATCH", "PUT"][i % 3], *more, "-H",
             "Content-Type: application/octet-stream", "--data-binary", f"@{body}", f"http://{OUTSIDE}:8080/{i}")
    return files


@door("http-form", "curl")
def http_form(stage):
    stage.serve("outside", 8080, sys.executable, "-c", HTTP_SINK, OUTSIDE, "8080")
    files = stage.files("http-form")
    for begin in range(0, len(files), 3):  # three in a form, among fields of words
        fields = [word for k, path in enumerate(files[begin:begin + 3])
                  for word in ("-F", f"note{k}=a word", "-F", f"file{k}=@{path};type=image/jpeg")]
        more = [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]][begin // 3 % 3]
        curl(stage, "workstation", *more, *fields, f"http://{OUTSIDE}:8080/form")
    return files


@door("soap", "curl")
def soap(stage):
    """SOAP with attachments, by curl's own multipart, and MTOM (XOP) parts without a disposition."""
    stage.serve("outside", 8080, sys.executable, "-c", HTTP_SINK, OUTSIDE, "8080")
    files = stage.files("soap")
    envelope = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'
    simple = stage.write("soap.xml", envelope % "<image href='cid:a'/>")
    for i, path in enumerate(files):
        if i % 2:
            curl(stage, "workstation", "-H", "Content-Type: multipart/related; type=\"text/xml\"", "-H",
                 'SOAPAction: "store"', "-F", f"root=<{simple};type=text/xml",
                 "-F", f"a=@{path};type=image/jpeg;headers=Content-ID: <a>", f"http://{OUTSIDE}:8080/soap")
            continue
        with open(path, "rb") as file:
            data = file.read()
        xop = envelope % '<i><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:1@a"/></i>'
        head = ('--uuid:1\r\nContent-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\n'
                f"Content-Transfer-Encoding: 8bit\r\nContent-ID: <root@a>\r\n\r\n{xop}\r\n--uuid:1\r\n"
                "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
                "Content-ID: <1@a>\r\n\r\n")
        body = stage.path("soap-bodies", str(i))
        with open(body, "wb") as file:
            file.write(head.encode() + data + b"\r\n--uuid:1--\r\n")
        curl(stage, "workstation", "-H", 'Content-Type: multipart/related; boundary="uuid:1"; '
             'type="application/xop+xml"; start="<root@a>"; start-info="text/xml"', "--data-binary", f"@{body}",
             f"http://{OUTSIDE}:8080/mtom")
    return files


@door("webdav", "nginx", "cadaver")
def webdav(stage):
    site = dav_folder(stage, "nginx-dav")
    nginx(stage, "outside", 8083, "nginx-dav", f"server {{ listen 8083; root {site};"
          " dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; create_full_put_path on; }",
          load="load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;")
    files = stage.files("webdav")
    for begin in range(0, len(files), 10):
        puts = "".join(f'put "{path}" d{k}.bin\nls\n' for k, path in enumerate(files[begin:begin + 10], begin))
        stage.tell("workstation", "cadaver", f"http://{OUTSIDE}:8083/up/", input=(puts + "quit\n").encode(),
                   env={**os.environ, "HOME": stage.folder})
    return files


@door("http2", "nghttpd", "nghttp", "curl")
def http2(stage):
    stage.serve("outside", 8081, "nghttpd", "--no-tls", "8081", "-d", stage.folder, "--echo-upload")
    files = stage.files("http2")
    for i, path in enumerate(files):
        if i % 2:
            curl(stage, "workstation", "--http2-prior-knowledge", "-T", path, f"http://{OUTSIDE}:8081/up/{i}.bin")
        else:
            stage.tell("workstation", "nghttp", "-n", "-d", path, f"http://{OUTSIDE}:8081/up/{i}.bin")
    return files


@door("http2-get", "nghttpd", "nghttp")
def http2_get(stage):
    files = stage.files("http2-get")
    stage.serve("web", 8082, "nghttpd", "--no-tls", "8082", "-d", os.path.join(stage.folder, "http2-get"))
    urls = [f"http://{INSIDE}:8082/{url_name(path)}" for path in files]
    for begin in range(0, len(urls), 10):  # ten streams interleaved
        stage.tell("outside", "nghttp", "-n", *urls[begin:begin + 10])
    return files


@door("http2-upgrade", "nginx", "nghttpx", "curl", "nghttp")
def http2_upgrade(stage):
    """From HTTP/1.1 by `Upgrade: h2c`: the answer to the request that asked comes as stream 1."""
    files = stage.files("http2-upgrade")
    nginx(stage, "web", 8084, "nginx-up", f"server {{ listen 8084; root {stage.folder}/http2-upgrade; }}")
    stage.serve("web", 8085, "nghttpx", "--conf=/dev/null", "-f", "*,8085;no-tls", "-b", "127.0.0.1,8084", "-n", "1")
    for i, path in enumerate(files):
        url = f"http://{INSIDE}:8085/{url_name(path)}"
        if i % 2 and os.path.getsize(path) < 8192:  # curl 7.88 gives up when much comes along with the 101
            curl(stage, "outside", "--http2", url)
        else:
            stage.tell("outside", "nghttp", "-n", "--upgrade", url)
    return files


GRPC_SINK = r"""
import concurrent.futures, sys, grpc
class Take(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method.endswith("Stream"):
            return grpc.stream_unary_rpc_method_handler(lambda parts, context: b"%d" % sum(map(len, parts)))
        return grpc.unary_unary_rpc_method_handler(lambda message, context: b"ok")
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Take(),))
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
"""
GRPC_CLIENT = r"""
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
one = channel.unary_unary("/files.Store/Put")
many = channel.stream_unary("/files.Store/PutStream")
squeezed = channel.unary_unary("/files.Store/Put")
for i, path in enumerate(sys.argv[2:]):
    data = open(path, "rb").read()
    if i % 3 == 0:
        one(data, timeout=30)
    elif i % 3 == 1:
        many(iter([data[at:at + 30000] for at in range(0, len(data), 30000)]), timeout=30)
    else:
        squeezed(data, timeout=30, compression=grpc.Compression.Gzip)
"""


@door("grpc", "grpc")
def grpc(stage):
    """Messages that are the files: one call each, streams of pieces, and compressed ones."""
    stage.serve("outside", 50051, sys.executable, "-c", GRPC_SINK, f"{OUTSIDE}:50051")
    files = stage.files("grpc")
    stage.tell("workstation", sys.executable, "-c", GRPC_CLIENT, f"{OUTSIDE}:50051", *files)
    return files


WEBSOCKET_SINK = r"""
import asyncio, sys, websockets
async def take(socket):
    async for message in socket:
        await socket.send("%d" % len(message))
async def main():
    async with websockets.serve(take, sys.argv[1], int(sys.argv[2]), max_size=None):
        await asyncio.Future()
asyncio.run(main())
"""
WEBSOCKET_CLIENT = r"""
import asyncio, sys, websockets
async def main():
    for begin, coded in enumerate(("deflate", None)):
        async with websockets.connect(sys.argv[1], compression=coded, max_size=None) as socket:
            for i, path in enumerate(sys.argv[2 + begin::2]):
                data = open(path, "rb").read()
                piece = max(1, len(data) // 5)
                await socket.send(data if i % 2 else [data[at:at + piece] for at in range(0, len(data), piece)])
                await socket.recv()
asyncio.run(main())
"""


@door("websocket", "websockets")
def websocket(stage):
    """Whole messages and fragmented ones, with permessage-deflate and without."""
    stage.serve("outside", 8086, sys.executable, "-c", WEBSOCKET_SINK, OUTSIDE, "8086")
    files = stage.files("websocket")
    stage.tell("workstation", sys.executable, "-c", WEBSOCKET_CLIENT, f"ws://{OUTSIDE}:8086/up", *files)
    return files
