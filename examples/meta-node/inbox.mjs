// What Meta delivered, worked on once: the items of a body, and the record that knows which of them are new.

const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);

// The objects of a list that may be absent, null, or hold what a later version put there.
const objects = (list) => (Array.isArray(list) ? list.filter(isObject) : []);

// Every message and status of a body, which may hold up to 1000: {key, id, status, data}. Throws what says why the body,
// though genuine, is not what Meta documents.
export function itemsOf(body) {
  if (!isObject(body)) throw new Error("the body is not an object");
  const items = [];
  const add = (kind, { id }, status, data) => {
    if (typeof id !== "string" || id === "" || typeof status !== "string") {
      throw new Error("an item without an id, or a status without a status, cannot be told from its copies");
    }
    items.push({ key: JSON.stringify([kind, id, status]), id, status, data });
  };
  for (const { field, value } of objects(body.entry).flatMap((entry) => objects(entry.changes))) {
    // Other webhook fields (account, templates, security, what comes next year) arrive at the same URL. Not knowing them
    // is no error, and neither is a type of message or a member that is new.
    if (field !== "messages" || !isObject(value)) continue;
    for (const message of objects(value.messages)) add("message", message, "", message);
    // Sent, delivered and read of one message share its id: the status belongs to the key. (In groups every participant
    // has statuses of his own; if you want each of them, recipient_participant_id belongs to it too.)
    for (const status of objects(value.statuses)) add("status", status, status.status, status);
  }
  return items;
}

// What was received and what was done about it. It lives in the process and ends with it, though Meta was promised with
// 200 that it is kept: put the keys under a unique constraint in the database that also holds the work, and do both in
// one transaction. Then several processes can share the work, too.
export class Inbox {
  failing = false; // for certification: the work throws
  #seen = new Set(); // keys may go when Meta has given up sending again, which takes it 7 days
  #effects = [];
  #last = Promise.resolve();

  // Does the work for every item that is new: all of it is kept when this resolves, and none of it if it rejects. One
  // delivery at a time, so a copy that came at the same instant waits, and then finds the first one's keys.
  take(items) {
    const turn = this.#last.then(() => this.#take(items));
    this.#last = turn.catch(() => {}); // the failure is the caller's; the next one has its turn all the same
    return turn;
  }

  async #take(items) {
    const fresh = new Map(items.filter(({ key }) => !this.#seen.has(key)).map((item) => [item.key, item]));
    const effects = [];
    for (const item of fresh.values()) effects.push(await this.#work(item));
    // Not before: what is marked as seen is lost if its work failed.
    for (const key of fresh.keys()) this.#seen.add(key);
    for (const effect of effects) this.#effects.push(effect);
  }

  // Yours goes here if it takes milliseconds and its result can be stored with the key. Anything longer (calls, mail)
  // belongs in a worker that reads what was stored: Meta wants a median answer within 250 ms, and statuses arrive in any
  // order.
  async #work({ id, status, data }) {
    if (this.failing) throw new Error("told to fail by /test/fail");
    return { id, status, data };
  }

  // How many effects there are of an item.
  count(id, status) {
    return this.#effects.filter((effect) => effect.id === id && effect.status === status).length;
  }
}
