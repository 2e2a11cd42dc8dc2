#!/usr/bin/python3
"""A receiver of Kirim's webhooks with Flask. What is Kirim's (the signature, the inbox) is that of ../python.

KIRIM_SECRET  the subscription's secret (required)
PORT          where to listen on 127.0.0.1 (8094; 0 is any free one)
DB            the SQLite file for what was received (in memory if not set)
KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
"""

import json
import os
import pathlib
import sys
import time

from flask import Flask, request
from werkzeug.serving import make_server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from inbox import EVENTS, Inbox, Unreadable, dedupe_keys  # noqa: E402
from kirim_signature import refusal  # noqa: E402

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 4 << 20  # bytes; Meta's bodies grow to 3 MB
secret = os.environ.get("KIRIM_SECRET") or sys.exit("receiver.py: KIRIM_SECRET is not set")
inbox = Inbox(os.environ.get("DB") or ":memory:")


@app.post("/kirim-webhook")
def deliver():
    raw = request.get_data()  # the bytes that were signed; request.json is what somebody read out of them
    header = {name: request.headers.get("X-Kirim-" + name, "") for name in ("Signature", "Event", "Event-Id", "Source")}
    if refusal([secret], header["Signature"], raw, int(time.time())):
        return "the signature is not valid", 401
    event, event_id = header["Event"], header["Event-Id"]
    try:
        body = json.loads(raw.decode())
        if not isinstance(body, dict) or not event or not event_id:
            raise Unreadable
        keys = dedupe_keys(event, event_id, header["Source"], body) if event in EVENTS else []
    except (ValueError, RecursionError, Unreadable):
        return "not a delivery as Kirim documents it", 400
    inbox.take(event, event_id, keys, raw)  # where it raises, Flask answers 500, and Kirim tries again
    return ""


if os.environ.get("KIRIM_TEST") == "1":
    @app.get("/effects")
    def effects():
        wanted = {name: value for name, value in request.args.items()
                  if name == "status" or (name in ("event", "event_id", "item") and value)}
        return {"count": inbox.count(wanted)}

    @app.post("/test/<state>")
    def set_failing(state):
        inbox.failing = state == "fail"
        return "", 204


if __name__ == "__main__":
    # The server of Flask's development; in production a WSGI server such as gunicorn stands here.
    server = make_server("127.0.0.1", int(os.environ.get("PORT") or "8094"), app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}/kirim-webhook", flush=True)
    server.serve_forever()
