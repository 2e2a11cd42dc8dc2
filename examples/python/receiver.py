#!/usr/bin/env python3
"""A receiver of Kirim's webhooks: Python's standard library alone, to be read and copied.

KIRIM_SECRET  the subscription's secret; during a rotation all of them, divided by commas (required)
PORT, HOST    where to listen (8099 on 127.0.0.1; port 0 is any free one)
DB            the SQLite file for what was received (in memory if not set, and then lost when the process ends)
KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
"""

import json
import os
import re
import signal
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from inbox import EVENTS, Inbox, Unreadable, dedupe_keys
from kirim_signature import refusal

PATH = "/kirim-webhook"
BODY_LIMIT = 4 << 20  # bytes; Meta's bodies grow to 3 MB, and many frameworks' default limit would refuse those
DROP_LIMIT = 64 << 20  # bytes of an oversized body that are read and dropped, so that its sender gets to see the answer
BODY_SECONDS = 10  # for a whole body; Kirim gives an attempt up after this time
IDLE_SECONDS = 60  # for how long a kept connection may stay silent


class TooLarge(Exception):
    """The body is over the limit."""


class Incomplete(Exception):
    """The sender stopped before the body's end, or its framing is wrong."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # an answer goes out at once

    def route(self):
        try:
            body = self.read_body()
        except TooLarge:
            return self.reply(413, "the body is over %d bytes" % BODY_LIMIT)
        except (Incomplete, OSError):  # OSError: the time ran out, or the connection broke
            self.close_connection = True  # nothing was done, and nobody is there to be told
            return None
        path, _, query = self.path.partition("?")
        routes = {PATH: ("POST", self.deliver)}
        if self.server.test:
            routes["/effects"] = ("GET", self.effects)
            routes["/test/fail"] = routes["/test/recover"] = ("POST", self.set_failing)
        if path not in routes:
            return self.reply(404, "not found")
        method, serve = routes[path]
        return serve(body, query) if self.command == method else self.reply(405, "use " + method, ("Allow", method))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = route

    def deliver(self, raw, _):
        # First of all, and over the bytes as they came: JSON that was parsed and written again is another message.
        reason = refusal(self.server.secrets, self.header("Signature"), raw, int(time.time()))
        if reason:
            self.log_error("refused: %s", reason)
            return self.reply(401, "the signature is not valid")
        try:
            body = json.loads(raw.decode("utf-8-sig"), parse_constant=refuse_constant)
            event, event_id = self.header("Event"), self.header("Event-Id")
            if not isinstance(body, dict) or not event or not event_id:
                raise Unreadable("the body is not an object, or X-Kirim-Event or X-Kirim-Event-Id is missing")
            # An event that is new to us is no error: a 4xx would end its delivery and count against the subscription.
            keys = dedupe_keys(event, event_id, self.header("Source"), body) if event in EVENTS else []
        except (ValueError, RecursionError, Unreadable) as error:
            self.log_error("unreadable: %s", error)
            return self.reply(400, "not a delivery as Kirim documents it")
        try:
            self.server.inbox.take(event, event_id, keys, raw)
        except Exception as error:  # whatever it was: no item is marked as seen, and a 5xx asks for the retry
            self.log_error("not processed: %s", error)
            return self.reply(500, "not processed")
        return self.reply(200)  # what was new and what was a duplicate alike

    def header(self, name):
        # Names are matched in any case. A field sent twice is one list (RFC 9110, section 5.3).
        return ",".join(self.headers.get_all("X-Kirim-" + name, [])).strip()

    def effects(self, _, query):
        wanted = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()
                  if name == "status" or (name in ("event", "event_id", "item") and values[0])}
        self.reply(200, json.dumps({"count": self.server.inbox.count(wanted)}), ("Content-Type", "application/json"))

    def set_failing(self, _, __):
        self.server.inbox.failing = self.path.startswith("/test/fail")
        self.reply(204)

    def read_body(self):
        self.connection.settimeout(BODY_SECONDS)
        self.deadline = time.monotonic() + BODY_SECONDS
        body, size = bytearray(), 0
        for piece in self.pieces():
            size += len(piece)
            if size > DROP_LIMIT:
                self.close_connection = True
                break
            body += piece if size <= BODY_LIMIT else b""
        self.connection.settimeout(IDLE_SECONDS)
        if size > BODY_LIMIT:
            raise TooLarge
        return bytes(body)

    def pieces(self):
        """Yield the body as it comes in; http.server leaves both ways of framing it (RFC 9112, section 6) to us."""
        lengths, coding = set(self.headers.get_all("Content-Length", [])), self.headers.get("Transfer-Encoding")
        if coding is None and len(lengths) <= 1:
            yield from self.exactly(number(lengths.pop() if lengths else "0", 10))
        elif coding is not None and coding.strip().lower() == "chunked" and not lengths:
            while size := number(self.line().split(";")[0], 16):
                yield from self.exactly(size)
                if self.line():
                    raise Incomplete
            while self.line():  # trailers
                pass
        else:
            raise Incomplete  # two framings in one request are how requests are smuggled

    def exactly(self, size):
        while size:
            piece = self.rfile.read1(min(size, 1 << 16))
            if not piece or time.monotonic() > self.deadline:
                raise Incomplete
            size -= len(piece)
            yield piece

    def line(self):
        line = self.rfile.readline(4096)
        if not line.endswith(b"\n") or time.monotonic() > self.deadline:
            raise Incomplete
        return line.decode("latin-1").strip()

    def reply(self, status, text="", header=None):
        self.send_response(status)
        if header:
            self.send_header(*header)
        if status != 204:  # which has no body, and so no length
            self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def log_request(self, code="-", size="-"):
        pass  # refusals and failures are logged; a line for every delivery would drown them


class Server(ThreadingHTTPServer):
    request_queue_size = 1024  # connections that wait to be accepted: deliveries come in bursts, and the default is 5

    def __init__(self, address, secrets, inbox, test):
        super().__init__(address, Handler)
        self.secrets, self.inbox, self.test = secrets, inbox, test

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that went away is nothing to report
            super().handle_error(request, client_address)


def number(text, base):
    if not re.fullmatch("[0-9]{1,15}" if base == 10 else "[0-9a-fA-F]{1,12}", text.strip()):
        raise Incomplete
    return int(text, base)


def refuse_constant(name):
    raise ValueError(name + " is not JSON")  # though Python's json would read NaN and Infinity


def main():
    secrets = [s.strip() for s in os.environ.get("KIRIM_SECRET", "").split(",") if s.strip()]
    if not secrets:
        sys.exit("receiver.py: KIRIM_SECRET is not set; without a secret no delivery can be verified")
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8099"
    try:
        inbox = Inbox(os.environ.get("DB") or ":memory:")
        server = Server((host, int(port)), secrets, inbox, os.environ.get("KIRIM_TEST") == "1")
    except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
        sys.exit(f"receiver.py: cannot start on HOST={host} PORT={port} with DB={os.environ.get('DB', '')}: {error}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a delivery under way is rolled back, and sent again
    print(f"listening on http://{host}:{server.server_port}{PATH}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
