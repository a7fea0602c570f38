"""A server of one file that misbehaves as the path says: fetch_server.py FILE PORT_FILE LOG. /KIND/model.gguf:

good, slow            the file; with ranges and an ETag
breaks                ends each connection after 100,000 bytes of the body
notag                 the same without an ETag
ignores               breaks off once, then answers ranges with the whole file
redirect              sends on to good; loop to itself; outside to another host over plain HTTP
blob, pointer         the page about a file, a Git LFS pointer; login: 401; closed: 403
html                  a page instead of the file; missing: 404; short: fewer bytes than announced, each time the same; long: more
shifted               answers a range with another one
OWNER/NAME/resolve/REVISION/model.gguf as Hugging Face: X-Linked-Etag with the file's SHA-256, sent on to good (OWNER "liar": to other bytes)
"""
import hashlib
import http.server
import sys

DATA = open(sys.argv[1], "rb").read()
LIE = DATA[:5000] + b"\x00\x01\x02" + DATA[5003:]
seen = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def send(self, body, code=200, headers=(), length=None, stop=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body if stop is None else body[:stop])
        if stop is not None or length is not None:
            self.close_connection = True

    def ranged(self, data, tag=True, stop=None):
        headers = [("ETag", '"v1"')] if tag else []
        wanted = self.headers.get("Range")
        if wanted and (not tag or self.headers.get("If-Range") == '"v1"'):
            first = int(wanted.split("=")[1].split("-")[0])
            if first >= len(data):
                return self.send(b"", 416)
            return self.send(data[first:], 206, headers + [("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")], stop=stop)
        self.send(data, 200, headers, stop=stop)

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        kind = parts[0]
        with open(sys.argv[3], "a") as log:
            print(self.path, self.headers.get("Range", "-"), file=log)
        seen[kind] = seen.get(kind, 0) + 1
        if "resolve" in parts:
            target = "/lies/model.gguf" if kind == "liar" else "/good/model.gguf"
            return self.send(b"", 302, [("Location", target), ("X-Linked-Size", str(len(DATA))),
                                        ("X-Linked-Etag", f'"{hashlib.sha256(DATA).hexdigest()}"')])
        if kind == "good":
            return self.ranged(DATA)
        if kind == "lies":
            return self.ranged(LIE)
        if kind == "breaks":
            return self.ranged(DATA, stop=100000)
        if kind == "notag":
            return self.ranged(DATA, tag=False, stop=100000)
        if kind == "ignores":
            return self.send(DATA, 200, [("ETag", '"v1"')], stop=200000 if seen[kind] == 1 else None)
        if kind == "redirect":
            return self.send(b"", 302, [("Location", "/good/model.gguf")])
        if kind == "loop":
            return self.send(b"", 302, [("Location", self.path)])
        if kind == "outside":
            return self.send(b"", 302, [("Location", "ftp://127.0.0.1/model.gguf")])
        if kind == "html":
            return self.send(b"<html>log in first</html>", 200, [("Content-Type", "text/html")])
        if kind == "blob":
            return self.send(b"<!doctype html>the page of a file", 200)
        if kind == "pointer":
            return self.send(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", 200)
        if kind in ("closed", "login"):
            return self.send(b"no", 401 if kind == "login" else 403)
        if kind == "short":
            return self.send(DATA[:-10], 200, length=len(DATA))
        if kind == "shifted":
            if self.headers.get("Range"):
                return self.send(DATA[10:], 206, [("Content-Range", f"bytes 10-{len(DATA) - 1}/{len(DATA)}"), ("ETag", '"v1"')])
            return self.send(DATA, 200, [("ETag", '"v1"')], stop=100000)
        self.send(b"nothing here", 404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
import os

os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
