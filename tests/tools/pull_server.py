#!/usr/bin/env python3
"""The bad server that tests/e2e/pull.sh fetches from: the first part of a path says how it behaves.

Usage: pull_server.py FOLDER [CERTIFICATE KEY]. Listens on a free port of 127.0.0.1, writes the port
to FOLDER/port and each request ("PATH RANGE IF-RANGE") to FOLDER/requests. Ends with its parent's kill.
Two files exist, version 1 and 2 of 300,000 bytes; FOLDER/v1.gguf and v2.gguf are copies.
"""

import hashlib
import http.server
import os
import random
import ssl
import sys
import threading
import time
import urllib.parse

SIZE = 300_000
CUT = 100_000


def make(seed):
    return b"GGUF" + random.Random(seed).randbytes(SIZE - 4)


FILES = {1: make(1), 2: make(2)}
folder = sys.argv[1]
seen = {}
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path  # a proxy is asked with the whole address
        ask = self.headers.get("Range", "-"), self.headers.get("If-Range", "-")
        with lock:
            seen[path] = seen.get(path, 0) + 1
            self.turn = seen[path]
            with open(os.path.join(folder, "requests"), "a") as f:
                f.write(f"{self.path} {ask[0]} {ask[1]}\n")
        how = path.split("/")[1].replace("-", "_")
        try:
            getattr(self, "how_" + how, self.how_missing)(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    # ---- building blocks ----

    def head(self, status, fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, str(value))
        self.end_headers()

    def cut(self):
        self.wfile.flush()
        self.close_connection = True

    def give(self, body, etag, most=None, ranges=True, if_range=True, extra=()):
        """The file, or what is asked of it; `most` bytes of it and then the line is cut."""
        begin, asked = 0, self.headers.get("Range")
        same = not if_range or self.headers.get("If-Range") == etag
        if asked and ranges and same:
            begin = int(asked[len("bytes=") :].split("-")[0])
        fields = [("Content-Length", len(body) - begin), *extra]
        if etag:
            fields.append(("ETag", etag))
        if begin:
            fields.append(("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}"))
        self.head(206 if begin else 200, fields)
        self.wfile.write(body[begin:] if most is None else body[begin : begin + most])
        if most is not None and begin + most < len(body):
            self.cut()

    def redirect(self, to, extra=()):
        self.head(302, [("Location", to), ("Content-Length", 0), *extra])

    # ---- behaviours ----

    def how_missing(self, path):
        body = b"<html>no such thing</html>"
        self.head(404, [("Content-Length", len(body))])
        self.wfile.write(body)

    def how_plain(self, path):
        self.give(FILES[1], f'"{hashlib.sha256(FILES[1]).hexdigest()}"')

    def how_nohash(self, path):
        self.give(FILES[1], '"v1"')

    def how_bare(self, path):
        self.give(FILES[1], None)

    def how_wrong(self, path):
        self.give(FILES[1], '"' + "0" * 64 + '"')

    def how_cut(self, path):
        self.give(FILES[1], '"v1"', CUT)

    def how_cut_once(self, path):
        self.give(FILES[1], '"v1"', CUT if self.turn == 1 else None)

    def how_cut_bare(self, path):
        self.give(FILES[1], None, CUT if self.turn == 1 else None)

    def how_norange(self, path):
        self.give(FILES[1], '"v1"', CUT if self.turn == 1 else None, ranges=False)

    def how_change(self, path):
        if self.turn == 1:
            self.give(FILES[1], '"v1"', CUT)
        else:
            self.give(FILES[2], '"v2"')

    def how_deaf(self, path):
        """Changes, and honours Range without looking at If-Range."""
        if self.turn == 1:
            self.give(FILES[1], '"v1"', CUT)
        else:
            self.give(FILES[2], '"v2"', if_range=False)

    def how_refuse(self, path):
        """416 for every range."""
        if self.headers.get("Range"):
            self.head(416, [("Content-Range", f"bytes */{SIZE}"), ("Content-Length", 0)])
        else:
            self.give(FILES[1], '"v1"', CUT if self.turn == 1 else None)

    def how_busy(self, path):
        if self.turn < 3:
            self.head(503, [("Content-Length", 0)])
        else:
            self.give(FILES[1], '"v1"')

    def how_broken(self, path):
        self.head(500, [("Content-Length", 0)])

    def how_account(self, path):
        self.head(401, [("Content-Length", 0), ("WWW-Authenticate", "Basic")])

    def how_stall(self, path):
        self.head(200, [("Content-Length", SIZE), ("ETag", '"v1"')])
        self.wfile.write(FILES[1][:1000])
        self.wfile.flush()
        time.sleep(60)

    def how_stall_once(self, path):
        if self.turn == 1:
            self.how_stall(path)
        else:
            self.give(FILES[1], '"v1"')

    def how_drip(self, path):
        begin = 0
        if self.headers.get("If-Range") == '"v1"':
            begin = int(self.headers["Range"][len("bytes=") :].split("-")[0])
        fields = [("Content-Length", SIZE - begin), ("ETag", '"v1"')]
        if begin:
            fields.append(("Content-Range", f"bytes {begin}-{SIZE - 1}/{SIZE}"))
        self.head(206 if begin else 200, fields)
        for at in range(begin, SIZE, 10_000):
            self.wfile.write(FILES[1][at : min(at + 10_000, SIZE)])
            self.wfile.flush()
            time.sleep(0.1)

    def how_linked(self, path):
        """As model servers do: the hash stands on the redirect, the content host has its own ETag."""
        good = hashlib.sha256(FILES[1]).hexdigest()
        claims = [("X-Linked-ETag", f'"{good}"'), ("X-Linked-Size", SIZE)]
        self.redirect("/opaque/" + path.split("/")[-1], claims)

    def how_linked_wrong(self, path):
        self.redirect("/nohash/x.gguf", [("X-Linked-ETag", '"' + "1" * 64 + '"')])

    def how_linked_size(self, path):
        self.redirect("/nohash/x.gguf", [("X-Linked-Size", SIZE + 1)])

    def how_opaque(self, path):
        self.give(FILES[1], '"' + "2" * 64 + '"')

    def how_loop(self, path):
        self.redirect(path)

    def how_chain(self, path):
        _, _, left, name = path.split("/")
        self.redirect(f"/chain/{int(left) - 1}/{name}" if int(left) > 1 else "/nohash/" + name)

    def how_cross(self, path):
        self.redirect(f"http://localhost:{self.server.server_address[1]}/nohash/other-name.gguf")

    def how_down(self, path):
        """From https to plain http."""
        with open(os.path.join(folder, "plain_port")) as f:
            self.redirect(f"http://127.0.0.1:{f.read().strip()}/nohash/x.gguf")

    def how_scheme(self, path):
        self.redirect("file:///etc/hostname")

    def how_evil(self, path):
        self.redirect("http://127.0.0.1/%1b[31m\x01/x.gguf")

    def how_named(self, path):
        self.give(FILES[1], '"v1"', extra=[("Content-Disposition", 'attachment; filename="../../escaped.gguf"')])

    def how_html(self, path):
        self.give(b"<!DOCTYPE html><html>log in</html>", '"v1"')

    def how_empty(self, path):
        self.give(b"", '"v1"')

    def how_gzip(self, path):
        self.give(FILES[1], '"v1"', extra=[("Content-Encoding", "gzip")])

    def how_huge(self, path):
        self.head(200, [("Content-Length", 1 << 50), ("ETag", '"v1"')])
        self.wfile.write(FILES[1])
        self.cut()

    def how_chunked(self, path):
        self.head(200, [("Transfer-Encoding", "chunked"), ("ETag", '"v1"')])
        for at in range(0, SIZE, 50_000):
            piece = FILES[1][at : at + 50_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def how_endless(self, path):
        self.head(200, [("Transfer-Encoding", "chunked"), ("ETag", '"v1"')])
        while True:
            self.wfile.write(b"%x\r\n%s\r\n" % (SIZE, FILES[1]))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
for version, content in FILES.items():
    with open(os.path.join(folder, f"v{version}.gguf"), "wb") as out:
        out.write(content)
with open(os.path.join(folder, "port.new"), "w") as out:
    out.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
