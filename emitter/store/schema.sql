-- The tables of the emitter. Times are nanoseconds since 1970 in UTC; 0 is no time. seq is the row number, which never
-- leaves the program. References are not declared as foreign keys: nothing that is referred to is ever deleted before
-- what refers to it, and the check would cost a look-up for every row written.

CREATE TABLE organisations (
    seq   INTEGER PRIMARY KEY,
    id    TEXT NOT NULL UNIQUE,
    name  TEXT NOT NULL,
    owner TEXT NOT NULL
) STRICT;

CREATE TABLE keys (
    hash       BLOB PRIMARY KEY,
    org        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    shown      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    phone_number_id TEXT PRIMARY KEY,
    org             INTEGER NOT NULL,
    display         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_by_org ON accounts (org);

-- A deleted subscription keeps its row, because its deliveries stay listable.
CREATE TABLE subscriptions (
    seq         INTEGER PRIMARY KEY,
    org         INTEGER NOT NULL,
    id          TEXT NOT NULL UNIQUE,
    url         TEXT NOT NULL,
    description TEXT,
    status      TEXT NOT NULL,
    events      TEXT NOT NULL, -- a JSON array
    failures    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX subscriptions_by_org ON subscriptions (org) WHERE deleted_at = 0;

-- Who is delivered to: a row for each event of each active subscription, drawn from subscriptions.events.
CREATE TABLE subscribers (
    org          INTEGER NOT NULL,
    event_name   TEXT NOT NULL,
    subscription INTEGER NOT NULL,
    id           TEXT NOT NULL,
    PRIMARY KEY (org, event_name, subscription)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    seq          INTEGER PRIMARY KEY,
    subscription INTEGER NOT NULL,
    id           TEXT NOT NULL UNIQUE,
    value        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX secrets_by_subscription ON secrets (subscription);

CREATE TABLE contacts (
    seq             INTEGER PRIMARY KEY,
    org             INTEGER NOT NULL,
    id              TEXT NOT NULL UNIQUE,
    customer        TEXT NOT NULL, -- tells the contacts of an account apart
    phone           TEXT,
    name            TEXT,
    email           TEXT,
    metadata        TEXT,
    phone_number_id TEXT NOT NULL,
    display         TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    search          TEXT NOT NULL -- name and email in lower case
) STRICT;
CREATE INDEX contacts_by_org ON contacts (org);
CREATE INDEX contacts_by_phone ON contacts (org, phone);
CREATE UNIQUE INDEX contacts_by_customer ON contacts (org, phone_number_id, customer);

CREATE TABLE conversations (
    seq             INTEGER PRIMARY KEY,
    org             INTEGER NOT NULL,
    id              TEXT NOT NULL UNIQUE,
    contact         INTEGER NOT NULL,
    phone_number_id TEXT NOT NULL,
    status          TEXT NOT NULL,
    assigned_to     TEXT,
    unread          INTEGER NOT NULL,
    last_message_at INTEGER NOT NULL,
    last_inbound_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_by_activity ON conversations (org, last_message_at);
CREATE INDEX conversations_by_contact ON conversations (contact);

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    org        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;
CREATE INDEX events_by_id ON events (id);

-- What Meta has sent before; Meta repeats itself (at least once).
CREATE TABLE seen (
    seq INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    key BLOB NOT NULL,
    at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX seen_by_key ON seen (org, key);

CREATE TABLE deliveries (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    id            TEXT NOT NULL,
    subscription  INTEGER NOT NULL,
    event         INTEGER NOT NULL,
    event_name    TEXT NOT NULL, -- the event's, for the index below
    status        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    last_status   INTEGER NOT NULL,
    last_error    TEXT NOT NULL,
    replayed_from TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
CREATE INDEX deliveries_by_org ON deliveries (org, created_at);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription, created_at);
CREATE INDEX deliveries_by_event_name ON deliveries (org, event_name, created_at);
CREATE INDEX deliveries_by_event ON deliveries (event);
-- Pending and terminal ones; nearly all are delivered, and a delivered one is found as fast by the other indices.
CREATE INDEX deliveries_undelivered ON deliveries (status, org, created_at) WHERE status <> 1;

-- header_id is NULL where the attempt carried the delivery's own id.
CREATE TABLE attempts (
    delivery    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    header_id   TEXT,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    http_status INTEGER NOT NULL,
    error       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    body        BLOB,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_header_id ON attempts (header_id) WHERE header_id IS NOT NULL;

CREATE TABLE answers (
    org         INTEGER NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER NOT NULL,
    header      TEXT NOT NULL, -- a JSON object
    body        BLOB,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (org, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (created_at);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
