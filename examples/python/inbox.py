"""Deliveries, stored and worked on once: what one holds, and the database that knows which of it is new."""

import sqlite3
import threading

EVENTS = {
    "message.received", "message.status", "message.created", "message.sent",
    "conversation.assigned", "conversation.closed", "contact.created", "contact.updated",
}


class Unreadable(Exception):
    """The body is genuine, but not what Kirim documents."""


def objects(parent, name):
    """The objects of a list that may be absent, null, or hold what a later version put there."""
    found = parent.get(name)
    return [o for o in found if isinstance(o, dict)] if isinstance(found, list) else []


def dedupe_keys(event, event_id, source, body):
    """What a delivery holds, as keys for deduplication: (kind, item id, status, event id), one for each item.

    The delivery id is no part of them, as it is new on every attempt. Where the signed body says the same as a header, the
    body counts: headers are not signed, and a captured delivery could be sent again under others.
    """
    if source == "kirim":
        data = body.get("data")
        if not isinstance(data, dict) or body.get("id", event_id) != event_id or body.get("type", event) != event:
            raise Unreadable("the envelope has no data, or another id or type than the headers")
        thing = data.get(event.split(".")[0])  # conversation, contact or message
        keys = [(event, thing.get("id", "") if isinstance(thing, dict) else "", "", event_id)]
    elif source == "meta":
        changes = [change for entry in objects(body, "entry") for change in objects(entry, "changes")]
        values = [change["value"] for change in changes if isinstance(change.get("value"), dict)]
        keys = [("message", message.get("id"), "", "") for value in values for message in objects(value, "messages")]
        # Sent, delivered and read of one message share its id, and so the event id: the status belongs to the key. (In
        # groups every participant has statuses of his own, and recipient_participant_id belongs to it too.)
        keys += [("status", status.get("id"), status.get("status", ""), "")
                 for value in values for status in objects(value, "statuses")]
    else:
        raise Unreadable("X-Kirim-Source is neither meta nor kirim")
    if not all(isinstance(part, str) for key in keys for part in key) or any(not key[1] and not key[3] for key in keys):
        raise Unreadable("an item without an id cannot be told from its copies")
    "".join(part for key in keys for part in key).encode()  # half a surrogate pair could not be stored: a ValueError
    return keys


class Inbox:
    """What was received and what was done about it, in one database, so that one transaction covers both."""

    def __init__(self, path):
        self.failing = False  # for certification: the work raises
        # A lock and one connection do for one process. Between processes the primary key decides which copy is the first:
        # a unique constraint does so in any database, a look before the insert in none.
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Keys may be forgotten after the 38 hours that retries can last; after 30 days no replay can come either.
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS delivery (event TEXT, event_id TEXT, body BLOB);
            CREATE TABLE IF NOT EXISTS seen (kind TEXT, item TEXT, status TEXT, event_id TEXT,
                PRIMARY KEY (kind, item, status, event_id));
            CREATE TABLE IF NOT EXISTS effect (event TEXT, event_id TEXT, item TEXT, status TEXT, delivery INTEGER);
            CREATE INDEX IF NOT EXISTS effect_item ON effect (item);
        """)

    def take(self, event, event_id, keys, body):
        """Do the work for every item that is new: all of it is stored when this returns, and none of it if it raises."""
        with self.lock:  # a copy that came at the same instant waits here, and then finds the first one's keys
            self.db.execute("BEGIN IMMEDIATE")
            try:
                new = [k for k in keys if self.db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?)", k).rowcount]
                if new:
                    row = self.db.execute("INSERT INTO delivery VALUES (?, ?, ?)", (event, event_id, body)).lastrowid
                for _, item, status, _ in new:
                    self.work(event, event_id, item, status, row)
                self.db.execute("COMMIT")
            finally:
                self.db.rollback()  # nothing after COMMIT; else it takes the keys back, so that the retry finds none

    def work(self, event, event_id, item, status, delivery):
        # Yours goes here if it takes milliseconds and stays in this database. Anything longer (calls, mail) belongs in a
        # worker that reads this table: Kirim wants its answer within 2 seconds, and what is stored may be acknowledged.
        if self.failing:
            raise RuntimeError("told to fail by /test/fail")
        self.db.execute("INSERT INTO effect VALUES (?, ?, ?, ?, ?)", (event, event_id, item, status, delivery))

    def count(self, wanted):
        where = "".join(f" AND {column} = ?" for column in wanted)  # the columns are named by us, the values are bound
        with self.lock:
            return self.db.execute("SELECT count(*) FROM effect WHERE 1" + where, list(wanted.values())).fetchone()[0]
