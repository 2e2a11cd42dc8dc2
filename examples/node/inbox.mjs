// Deliveries, stored and worked on once: what one holds, and the record that knows which of it is new.
import { open } from "node:fs/promises";

export const EVENTS = new Set([
  "message.received", "message.status", "message.created", "message.sent",
  "conversation.assigned", "conversation.closed", "contact.created", "contact.updated",
]);

// A body that is genuine, but not what Kirim documents.
export class Unreadable extends Error {}

export const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);

// The objects of a list that may be absent, null, or hold what a later version put there.
const objects = (list) => (Array.isArray(list) ? list.filter(isObject) : []);

// What a delivery holds, one element for each item, with its key for deduplication. The delivery id is no part of the key,
// as it is new on every attempt. Where the signed body says the same as a header, the body counts: headers are not signed,
// and a captured delivery could be sent again under others.
export function itemsOf(event, eventId, source, body) {
  const items = [];
  const add = (kind, id, status, ownEventId) => {
    if (typeof id !== "string" || typeof status !== "string" || (id === "" && ownEventId === "")) {
      throw new Unreadable("an item without an id cannot be told from its copies");
    }
    items.push({ key: JSON.stringify([kind, id, status, ownEventId]), id, status });
  };
  if (source === "kirim") {
    const { id = eventId, type = event, data } = body;
    if (!isObject(data) || id !== eventId || type !== event) {
      throw new Unreadable("the envelope has no data, or another id or type than the headers");
    }
    const thing = data[event.split(".")[0]]; // conversation, contact or message
    add(event, isObject(thing) ? thing.id ?? "" : "", "", eventId);
  } else if (source === "meta") {
    for (const { value } of objects(body.entry).flatMap((entry) => objects(entry.changes))) {
      if (!isObject(value)) continue;
      for (const message of objects(value.messages)) add("message", message.id, "", "");
      // Sent, delivered and read of one message share its id, and so the event id: the status belongs to the key. (In
      // groups every participant has statuses of his own, and recipient_participant_id belongs to it too.)
      for (const status of objects(value.statuses)) add("status", status.id, status.status ?? "", "");
    }
  } else {
    throw new Unreadable("X-Kirim-Source is neither meta nor kirim");
  }
  return items;
}

// What was received and what was done about it. This one lives in the process, and in a journal file if it is given one.
// It is right for one process only: where several share the work, or the data is large, put the keys under a unique
// constraint in the database that also holds the work, and do both in one transaction.
export class Inbox {
  failing = false; // for certification: the work throws
  #seen = new Set(); // keys may go after the 38 hours that retries can last; after 30 days no replay can come either
  #effects = [];
  #journal;
  #length = 0; // bytes of the journal that are whole records
  #last = Promise.resolve();

  static async open(path) {
    const inbox = new Inbox();
    if (!path) return inbox;
    inbox.#journal = await open(path, "a+");
    const text = await inbox.#journal.readFile();
    inbox.#length = text.lastIndexOf("\n") + 1; // what follows was cut off by a crash, and never acknowledged
    for (const line of text.subarray(0, inbox.#length).toString().split("\n")) {
      if (line !== "") inbox.#remember(JSON.parse(line));
    }
    return inbox;
  }

  // Does the work for every item that is new: all of it is stored when this resolves, and none of it if it rejects. One
  // delivery at a time, so a copy that came at the same instant waits, and then finds the first one's keys.
  take(event, eventId, items, body) {
    const turn = this.#last.then(() => this.#take(event, eventId, items, body));
    this.#last = turn.catch(() => {}); // the failure is the caller's; the next one has its turn all the same
    return turn;
  }

  async #take(event, eventId, items, body) {
    const fresh = new Map(items.filter(({ key }) => !this.#seen.has(key)).map((item) => [item.key, item]));
    if (fresh.size === 0) return;
    const effects = [];
    for (const { id, status } of fresh.values()) effects.push(await this.#work({ event, eventId, item: id, status }));
    // The keys, the effects and the body as received are one line: either the journal has all of it or nothing.
    const record = { keys: [...fresh.keys()], effects, body: body.toString("base64") };
    await this.#append(record);
    this.#remember(record); // not before: what is marked as seen is lost if its work was not stored
  }

  // Yours goes here if it takes milliseconds and its result can be stored with the key. Anything longer (calls, mail)
  // belongs in a worker that reads what was stored: Kirim wants its answer within 2 seconds.
  async #work(effect) {
    if (this.failing) throw new Error("told to fail by /test/fail");
    return effect;
  }

  async #append(record) {
    if (!this.#journal) return;
    const line = Buffer.from(JSON.stringify(record) + "\n");
    await this.#journal.truncate(this.#length); // what a failed write may have left
    await this.#journal.appendFile(line);
    await this.#journal.datasync(); // an answer of 200 is a promise that must outlive a crash
    this.#length += line.length;
  }

  #remember({ keys, effects }) {
    for (const key of keys) this.#seen.add(key);
    for (const effect of effects) this.#effects.push(effect);
  }

  // How many effects have all of these properties.
  count(wanted) {
    const entries = Object.entries(wanted);
    return this.#effects.filter((effect) => entries.every(([name, value]) => effect[name] === value)).length;
  }
}
