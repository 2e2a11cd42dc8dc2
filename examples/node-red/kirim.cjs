// What the flow's functions call: the signature and the inbox are those of ../node.
const loaded = Promise.all([import("../node/kirim-signature.mjs"), import("../node/inbox.mjs")]).then(
  async ([signature, inbox]) => ({ ...signature, ...inbox, inbox: await inbox.Inbox.open() }),
);

// Answers a delivery: [status, text]. raw is a Buffer with the bytes as they came.
exports.deliver = async (headers, raw) => {
  const { refusal, EVENTS, isObject, itemsOf, inbox } = await loaded;
  const header = (name) => headers[`x-kirim-${name}`] ?? "";
  const reason = refusal([process.env.KIRIM_SECRET], header("signature"), raw, Math.floor(Date.now() / 1000));
  if (reason !== "") return [401, reason];
  const [event, eventId] = [header("event"), header("event-id")];
  let items = [];
  try {
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
    if (!isObject(body) || event === "" || eventId === "") throw new Error("not a delivery");
    if (EVENTS.has(event)) items = itemsOf(event, eventId, header("source"), body);
  } catch (error) {
    return [400, error.message];
  }
  try {
    await inbox.take(event, eventId, items, raw);
  } catch (error) {
    return [500, "not processed"]; // and Kirim tries again
  }
  return [200, ""];
};

// For certification.
exports.count = async ({ event, event_id: eventId, item, status }) => {
  const wanted = Object.entries({ event, eventId, item }).filter(([, value]) => value);
  if (status !== undefined) wanted.push(["status", status]);
  return { count: (await loaded).inbox.count(Object.fromEntries(wanted)) };
};
exports.setFailing = async (failing) => {
  (await loaded).inbox.failing = failing;
};
