// A receiver of Kirim's webhooks: Node's own modules alone, to be read and copied.
//
// KIRIM_SECRET  the subscription's secret; during a rotation all of them, divided by commas (required)
// PORT, HOST    where to listen (8098 on 127.0.0.1; port 0 is any free one)
// JOURNAL       the file for what was received (in memory if not set, and then lost when the process ends)
// KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
import { createServer } from "node:http";
import { EVENTS, Inbox, Unreadable, isObject, itemsOf } from "./inbox.mjs";
import { refusal } from "./kirim-signature.mjs";

const PATH = "/kirim-webhook";
const BODY_LIMIT = 4 << 20; // bytes; Meta's bodies grow to 3 MB, and many frameworks' default limit would refuse those
const DROP_LIMIT = 64 << 20; // bytes of an oversized body that are read and dropped, so that its sender sees the answer
const BODY_MS = 10_000; // for a whole body; Kirim gives an attempt up after this time
const IDLE_MS = 60_000; // for how long a kept connection may stay silent

// The body as it came, as a Buffer; undefined if it is over the limit. Rejects if the sender stopped before its end, or
// took too long.
async function readBody(request) {
  const timer = setTimeout(() => request.destroy(new Error("the body took too long")), BODY_MS);
  const pieces = [];
  let size = 0;
  try {
    for await (const piece of request) {
      size += piece.length;
      if (size > DROP_LIMIT) throw new Error("the body is far over the limit"); // leaving the loop closes the connection
      if (size <= BODY_LIMIT) pieces.push(piece);
      else pieces.length = 0;
    }
  } finally {
    clearTimeout(timer);
  }
  return size <= BODY_LIMIT ? Buffer.concat(pieces) : undefined;
}

// The body as an object. Throws what says why it is none.
function parse(raw) {
  // Fatal, because the decoder would otherwise replace what is not UTF-8 and so change the message in silence.
  const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
  if (!isObject(body)) throw new Unreadable("the body is not an object");
  return body;
}

// Answers one POST to PATH: [status, text].
async function deliver(secrets, inbox, headers, raw) {
  const header = (name) => headers[`x-kirim-${name}`] ?? ""; // Node has all names in lower case
  // First of all, and over the bytes as they came: JSON that was parsed and written again is another message.
  const reason = refusal(secrets, header("signature"), raw, Math.floor(Date.now() / 1000));
  if (reason !== "") {
    console.error(`refused: ${reason}`);
    return [401, "the signature is not valid"];
  }
  const [event, eventId] = [header("event"), header("event-id")];
  let items = [];
  try {
    const body = parse(raw);
    if (event === "" || eventId === "") throw new Unreadable("X-Kirim-Event or X-Kirim-Event-Id is missing");
    // An event that is new to us is no error: a 4xx would end its delivery and count against the subscription.
    if (EVENTS.has(event)) items = itemsOf(event, eventId, header("source"), body);
  } catch (error) {
    console.error(`unreadable: ${error.message}`);
    return [400, "not a delivery as Kirim documents it"];
  }
  try {
    await inbox.take(event, eventId, items, raw);
  } catch (error) {
    // Whatever it was: no item is marked as seen, and a 5xx asks for the retry.
    console.error(`not processed: ${error.message}`);
    return [500, "not processed"];
  }
  return [200, ""]; // what was new and what was a duplicate alike
}

// The number of effects that a query asks for, as JSON: [status, text]. Only a status may be asked for as the empty text.
function effects(inbox, query) {
  const names = { event: "event", event_id: "eventId", item: "item", status: "status" };
  const wanted = {};
  for (const [parameter, name] of Object.entries(names)) {
    const value = query.get(parameter);
    if (value || (value === "" && name === "status")) wanted[name] = value;
  }
  return [200, JSON.stringify({ count: inbox.count(wanted) })];
}

// What each path takes and does.
function routes(secrets, inbox, test) {
  const setFailing = (failing) => () => {
    inbox.failing = failing;
    return [204, ""];
  };
  const all = new Map([[PATH, ["POST", (request, raw) => deliver(secrets, inbox, request.headers, raw)]]]);
  if (test) {
    all.set("/effects", ["GET", (_request, _raw, query) => effects(inbox, query)]);
    all.set("/test/fail", ["POST", setFailing(true)]);
    all.set("/test/recover", ["POST", setFailing(false)]);
  }
  return all;
}

async function answer(table, request, response) {
  let raw;
  try {
    raw = await readBody(request);
  } catch {
    response.destroy(); // nothing was done, and nobody is there to be told
    return;
  }
  const [path, query] = request.url.split("?", 2);
  const [method, serve] = table.get(path) ?? [];
  let [status, text] = [404, "not found"];
  if (raw === undefined) [status, text] = [413, `the body is over ${BODY_LIMIT} bytes`];
  else if (serve && request.method === method) [status, text] = await serve(request, raw, new URLSearchParams(query));
  else if (serve) {
    response.setHeader("Allow", method);
    [status, text] = [405, `use ${method}`];
  }
  if (status !== 204) response.setHeader("Content-Length", Buffer.byteLength(text)); // 204 has no body, and no length
  response.writeHead(status).end(text);
}

function stop(message) {
  console.error(`receiver.mjs: ${message}`);
  process.exit(1);
}

const { KIRIM_SECRET = "", KIRIM_TEST, JOURNAL, HOST, PORT } = process.env;
const secrets = KIRIM_SECRET.split(",").map((s) => s.trim()).filter((s) => s !== "");
if (secrets.length === 0) stop("KIRIM_SECRET is not set; without a secret no delivery can be verified");
const host = HOST || "127.0.0.1";
try {
  const table = routes(secrets, await Inbox.open(JOURNAL), KIRIM_TEST === "1");
  const server = createServer({ keepAliveTimeout: IDLE_MS }, (request, response) => {
    answer(table, request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  server.on("error", (error) => stop(`cannot listen: ${error.message}`));
  server.listen({ host, port: PORT || "8098", backlog: 1024 }, () => {
    console.log(`listening on http://${host}:${server.address().port}${PATH}`);
  });
} catch (error) {
  stop(`cannot start: ${error.message}`);
}
