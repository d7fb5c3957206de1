"""Files that leave by HTTP."""

import os

from doors import INSIDE, OUTSIDE, VISITOR, door


@door("http-put", "nginx", "curl")
def http_put(stage):
    temp = stage.path("nginx", "x")[:-1]
    os.makedirs(temp + "site/up", exist_ok=True)
    os.chmod(temp + "site/up", 0o777)
    conf = stage.write("nginx.conf", f"""daemon off; user root; pid {temp}pid; error_log {temp}error;
events {{}} http {{ access_log off; client_body_temp_path {temp}b; client_max_body_size 0;
proxy_temp_path {temp}p; fastcgi_temp_path {temp}f; uwsgi_temp_path {temp}u; scgi_temp_path {temp}s;
server {{ listen 8080; root {temp}site; dav_methods PUT; }} }}""")
    stage.serve("outside", 8080, "nginx", "-c", conf, "-p", temp)
    files = stage.files("http-put")
    for i, path in enumerate(files):
        more = [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]][i % 4]
        stage.tell("workstation", "curl", "-sSf", "-o", "/dev/null", *more, "-T", path, f"http://{OUTSIDE}:8080/up/{i}")
    return files


@door("http-get", "nginx", "curl")
def http_get(stage):
    temp = stage.path("nginx-in", "x")[:-1]
    conf = stage.write("nginx-in.conf", f"""daemon off; user root; pid {temp}pid; error_log {temp}error;
events {{}} http {{ access_log off; gzip on; gzip_types *; gzip_min_length 20; gzip_proxied any;
client_body_temp_path {temp}b; proxy_temp_path {temp}p; fastcgi_temp_path {temp}f; uwsgi_temp_path {temp}u;
scgi_temp_path {temp}s; server {{ listen 80; root {stage.folder}/http-get; }} }}""")
    files = stage.files("http-get")
    os.chmod(stage.folder, 0o755)
    stage.serve("web", 80, "nginx", "-c", conf, "-p", temp)
    urls = [f"http://{INSIDE}/{os.path.basename(path).replace(' ', '%20')}" for path in files]
    for begin in range(0, len(urls), 20): # twenty over one connection
        out = [word for url in urls[begin:begin + 20] for word in ("-o", "/dev/null", url)]
        stage.tell("outside", "curl", "-sSf", "--interface", VISITOR, *(["--compressed"] if begin % 40 else []), *out)
    return files


@door("http2", "nghttpd", "nghttp")
def http2(stage):
    stage.serve("outside", 8081, "nghttpd", "--no-tls", "8081", "-d", stage.folder, "--echo-upload")
    files = stage.files("http2")
    for i, path in enumerate(files):
        stage.tell("workstation", "nghttp", "-n", "-d", path, f"http://{OUTSIDE}:8081/up/{i}.bin")
    return files


@door("http2-get", "nghttpd", "nghttp")
def http2_get(stage):
    files = stage.files("http2-get")
    stage.serve("web", 8082, "nghttpd", "--no-tls", "8082", "-d", os.path.join(stage.folder, "http2-get"))
    urls = [f"http://{INSIDE}:8082/{os.path.basename(path).replace(' ', '%20')}" for path in files]
    for begin in range(0, len(urls), 10): # ten streams interleaved
        stage.tell("outside", "nghttp", "-n", *urls[begin:begin + 10])
    return files
