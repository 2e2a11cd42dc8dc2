"""What Meta delivered, worked on once: the items of a body, and the database that knows which of them are new."""

import json
import sqlite3
import threading


class Unreadable(Exception):
    """The body is genuine, but not what Meta documents."""


def objects(parent, name):
    """The objects of a list that may be absent, null, or hold what a later version put there."""
    found = parent.get(name)
    return [o for o in found if isinstance(o, dict)] if isinstance(found, list) else []


def items_of(body):
    """Every message and status of a body, which may hold up to 1000, as (kind, id, status, the object itself)."""
    if not isinstance(body, dict):
        raise Unreadable("the body is not an object")
    # Other webhook fields (account, templates, security, what comes next year) arrive at the same URL. Not knowing them
    # is no error, and neither is a type of message or a member that is new.
    values = [change["value"] for entry in objects(body, "entry") for change in objects(entry, "changes")
              if change.get("field") == "messages" and isinstance(change.get("value"), dict)]
    items = [("message", m.get("id"), "", m) for value in values for m in objects(value, "messages")]
    # Sent, delivered and read of one message share its id: the status belongs to the key. (In groups every participant
    # has statuses of his own; if you want each of them, recipient_participant_id belongs to it too.)
    items += [("status", s.get("id"), s.get("status"), s) for value in values for s in objects(value, "statuses")]
    for _, item_id, status, _ in items:
        if not item_id or not isinstance(item_id, str) or not isinstance(status, str):
            raise Unreadable("an item without an id, or a status without a status, cannot be told from its copies")
        (item_id + status).encode()  # half a surrogate pair could not be stored: a ValueError
    return items


class Inbox:
    """What was received and what was done about it, in one database, so that one transaction covers both."""

    def __init__(self, path):
        self.failing = False  # for certification: the work raises
        # A lock and one connection do for one process. Between processes the primary key decides which copy is the first:
        # a unique constraint does so in any database, a look before the insert in none.
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Keys may be forgotten when Meta has given up sending again, which takes it 7 days.
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS seen (kind TEXT, item TEXT, status TEXT, PRIMARY KEY (kind, item, status));
            CREATE TABLE IF NOT EXISTS effect (item TEXT, status TEXT, data TEXT);
            CREATE INDEX IF NOT EXISTS effect_item ON effect (item);
        """)

    def take(self, items):
        """Do the work for every item that is new: all of it is stored when this returns, and none of it if it raises."""
        with self.lock:  # a copy that came at the same instant waits here, and then finds the first one's keys
            self.db.execute("BEGIN IMMEDIATE")
            try:
                for kind, item_id, status, data in items:
                    key = (kind, item_id, status)
                    if self.db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", key).rowcount:
                        self.work(item_id, status, data)
                self.db.execute("COMMIT")
            finally:
                self.db.rollback()  # nothing after COMMIT; else it takes the keys back, so that the retry finds none

    def work(self, item_id, status, data):
        # Yours goes here if it takes milliseconds and stays in this database. Anything longer (calls, mail) belongs in a
        # worker that reads this table: Meta wants a median answer within 250 ms, and statuses arrive in any order.
        if self.failing:
            raise RuntimeError("told to fail by /test/fail")
        self.db.execute("INSERT INTO effect VALUES (?, ?, ?)", (item_id, status, json.dumps(data)))

    def count(self, item_id, status):
        with self.lock:
            where = "SELECT count(*) FROM effect WHERE item = ? AND status = ?"
            return self.db.execute(where, (item_id, status)).fetchone()[0]
