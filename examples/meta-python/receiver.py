#!/usr/bin/env python3
"""A receiver of Meta's own WhatsApp webhooks: Python's standard library alone, to be read and copied.

META_APP_SECRET    the app's secret: whoever knows it can sign a delivery (required)
META_VERIFY_TOKEN  the token of your choice that the app's dashboard was given with the callback URL (required)
PORT, HOST         where to listen (8097 on 127.0.0.1; port 0 is any free one)
DB                 the SQLite file for what was received (in memory if not set, and then lost when the process ends)
KIRIM_TEST         1 opens /effects and /test/... for certification; never set it in production
"""

import hashlib
import hmac
import json
import os
import re
import signal
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from inbox import Inbox, Unreadable, items_of

PATH = "/webhooks/meta"
BODY_LIMIT = 4 << 20  # bytes; Meta's bodies grow to 3 MB, and many frameworks' default limit would refuse those
BODY_SECONDS = 10  # for a whole body
IDLE_SECONDS = 60  # for how long a kept connection may stay silent


class Refused(Exception):
    """The request is answered with this status, and its body is not read."""


def same(secret, given):
    """Compare in a time that does not tell how much was right. As bytes, because compare_digest raises on text that is
    not ASCII, and an exception here would be an answer of 500 to whoever sends one odd character."""
    return hmac.compare_digest(secret.encode(), given.encode())


def genuine(app_secret, header, body):
    """Whether X-Hub-Signature-256 is that of the body, bytes as they were received."""
    # The key is the app secret as it is shown: text, though it looks like hexadecimal. The whole header is compared, so
    # a beginning of the right signature, another algorithm's name, or none, is no match.
    return same("sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest(), header)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # an answer goes out at once

    def route(self):
        try:
            body = self.read_body()
        except Refused as refusal:
            self.close_connection = True  # what comes next on it is the body
            return self.reply(*refusal.args)
        except OSError:  # cut off, or the time ran out: nothing was done, and nobody is there to be told
            self.close_connection = True
            return None
        path, _, query = self.path.partition("?")
        routes = {PATH: {"GET": self.verify, "POST": self.deliver}}
        if self.server.test:
            routes["/effects"] = {"GET": self.effects}
            routes["/test/fail"] = routes["/test/recover"] = {"POST": self.set_failing}
        if path not in routes:
            return self.reply(404, "not found")
        serve = routes[path].get(self.command)
        if not serve:
            return self.reply(405, "method not allowed", Allow=", ".join(routes[path]))
        return serve(body, query)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = route

    def verify(self, _, query):
        """The handshake, when the callback URL is registered. It has no body, and so no signature to be checked."""
        # Decoded once, here: a challenge is opaque text, and comes back byte for byte.
        given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        right = same(self.server.verify_token, given.get("hub.verify_token", ""))
        if not right or given.get("hub.mode") != "subscribe" or "hub.challenge" not in given:
            return self.reply(403, "not a handshake with the right token")
        return self.reply(200, given["hub.challenge"])  # bare: not JSON, no quotes, no new line

    def deliver(self, raw, _):
        # First of all, and over the bytes as they came: Meta's JSON is escaped in a way that no encoder makes again. The
        # old X-Hub-Signature (SHA-1) comes along and proves nothing.
        header = ",".join(self.headers.get_all("X-Hub-Signature-256", [])).strip()  # two of them are one list: no match
        if not genuine(self.server.app_secret, header, raw):
            self.log_error("refused: the signature is not valid")
            return self.reply(401, "the signature is not valid")
        # Meta sends again, for up to 7 days, whatever is not answered with exactly 200: 201 and 204 are failures too.
        try:
            items = items_of(json.loads(raw.decode("utf-8")))
        except (ValueError, RecursionError, Unreadable) as error:
            self.log_error("unreadable: %s", error)  # mend it, and one of the next attempts will be taken
            return self.reply(400, "not a delivery as Meta documents it")
        try:
            self.server.inbox.take(items)
        except Exception as error:  # whatever it was: no item is marked as seen, so the next attempt does the work
            self.log_error("not processed: %s", error)
            return self.reply(500, "not processed")
        return self.reply(200)  # what was new, what was a duplicate, and what this receiver has no use for

    def effects(self, _, query):
        event, item, status = (parse_qs(query).get(name, [""])[0] for name in ("event", "item", "status"))
        count = self.server.inbox.count(item, status) if event == "messages" else 0
        self.reply(200, json.dumps({"count": count}))

    def set_failing(self, _, __):
        self.server.inbox.failing = self.path.startswith("/test/fail")
        self.reply(200)

    def read_body(self):
        lengths = set(self.headers.get_all("Content-Length", ["0"]))
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not re.fullmatch("[0-9]{1,9}", min(lengths)):
            raise Refused(411, "one Content-Length is needed")  # Meta always sends it
        left, body, deadline = int(lengths.pop()), bytearray(), time.monotonic() + BODY_SECONDS
        if left > BODY_LIMIT:
            raise Refused(413, "the body is over %d bytes" % BODY_LIMIT)
        self.connection.settimeout(BODY_SECONDS)
        while left:
            piece = self.rfile.read1(min(left, 1 << 16))
            if not piece or time.monotonic() > deadline:
                raise ConnectionError("the body was cut off")
            body += piece
            left -= len(piece)
        self.connection.settimeout(IDLE_SECONDS)
        return bytes(body)

    def reply(self, status, text="", **headers):
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("X-Content-Type-Options", "nosniff")  # a browser must not run a challenge that looks like HTML
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        pass  # refusals and failures are logged; a line for every delivery would drown them


class Server(ThreadingHTTPServer):
    request_queue_size = 1024  # connections that wait to be accepted: deliveries come in bursts, and the default is 5

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that went away is nothing to report
            super().handle_error(request, client_address)


def main():
    missing = [name for name in ("META_APP_SECRET", "META_VERIFY_TOKEN") if not os.environ.get(name)]
    if missing:
        sys.exit(f"receiver.py: {' and '.join(missing)} must be set; anybody knows an empty secret or token")
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8097"
    try:
        server = Server((host, int(port)), Handler)
        server.inbox = Inbox(os.environ.get("DB") or ":memory:")
    except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
        sys.exit(f"receiver.py: cannot start on HOST={host} PORT={port} with DB={os.environ.get('DB', '')}: {error}")
    server.app_secret, server.verify_token = os.environ["META_APP_SECRET"], os.environ["META_VERIFY_TOKEN"]
    server.test = os.environ.get("KIRIM_TEST") == "1"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a delivery under way is rolled back, and sent again
    print(f"listening on http://{host}:{server.server_port}{PATH}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
