// A receiver of Meta's own WhatsApp webhooks: Node's http and crypto alone, to be read and copied.
//
// META_APP_SECRET    the app's secret: whoever knows it can sign a delivery (required)
// META_VERIFY_TOKEN  the token of your choice that the app's dashboard was given with the callback URL (required)
// PORT, HOST         where to listen (8096 on 127.0.0.1; port 0 is any free one)
// KIRIM_TEST         1 opens /effects and /test/... for certification; never set it in production
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { Inbox, itemsOf } from "./inbox.mjs";

const PATH = "/webhooks/meta";
const BODY_LIMIT = 4 << 20; // bytes; Meta's bodies grow to 3 MB, and many frameworks' default limit would refuse those
const REQUEST_MS = 10_000; // for a whole request
const IDLE_MS = 60_000; // for how long a kept connection may stay silent

// Compares in a time that does not tell how much was right. timingSafeEqual throws on another length, so the bytes (not
// the characters) are counted first; a length is no secret.
function same(secret, given) {
  const [want, got] = [Buffer.from(secret), Buffer.from(given)];
  return want.length === got.length && timingSafeEqual(want, got);
}

// Whether X-Hub-Signature-256 is that of the body, a Buffer as it was received. The key is the app secret as it is shown:
// text, though it looks like hexadecimal. The whole header is compared, so a beginning of the right signature, another
// algorithm's name, or none, is no match.
function genuine(appSecret, header, body) {
  return same("sha256=" + createHmac("sha256", appSecret).update(body).digest("hex"), header);
}

// The handshake, when the callback URL is registered. It has no body, and so no signature to be checked. The query was
// decoded once: a challenge is opaque text, and comes back byte for byte.
function verify(verifyToken, query) {
  const right = same(verifyToken, query.get("hub.verify_token") ?? "");
  if (!right || query.get("hub.mode") !== "subscribe" || !query.has("hub.challenge")) {
    return [403, "not a handshake with the right token"];
  }
  return [200, query.get("hub.challenge")]; // bare: not JSON, no quotes, no new line
}

// Answers one POST to PATH: [status, text]. Meta sends again, for up to 7 days, whatever is not answered with exactly
// 200: 201 and 204 are failures too.
async function deliver(appSecret, inbox, headers, raw) {
  // First of all, and over the bytes as they came: Meta's JSON is escaped in a way that no encoder makes again. The old
  // X-Hub-Signature (SHA-1) comes along and proves nothing.
  if (!genuine(appSecret, headers["x-hub-signature-256"] ?? "", raw)) {
    console.error("refused: the signature is not valid");
    return [401, "the signature is not valid"];
  }
  let items;
  try {
    // Fatal, because the decoder would otherwise replace what is not UTF-8 and so change the message in silence.
    items = itemsOf(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw)));
  } catch (error) {
    console.error(`unreadable: ${error.message}`); // mend it, and one of the next attempts will be taken
    return [400, "not a delivery as Meta documents it"];
  }
  try {
    await inbox.take(items);
  } catch (error) {
    // Whatever it was: no item is marked as seen, so the next attempt does the work.
    console.error(`not processed: ${error.message}`);
    return [500, "not processed"];
  }
  return [200, ""]; // what was new, what was a duplicate, and what this receiver has no use for
}

// The body as it came, as a Buffer. Rejects if the sender stopped before its end, or sent too much.
async function readBody(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > BODY_LIMIT) throw new Error("the body is over the limit"); // leaving the loop closes the connection
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

// The number of effects that a query asks for.
function effects(inbox, query) {
  return query.get("event") === "messages" ? inbox.count(query.get("item"), query.get("status") ?? "") : 0;
}

// What each path takes and does, by method.
function routes(appSecret, verifyToken, inbox, test) {
  const all = new Map([[PATH, {
    GET: (request, raw, query) => verify(verifyToken, query),
    POST: (request, raw) => deliver(appSecret, inbox, request.headers, raw),
  }]]);
  if (test) {
    const setFailing = (failing) => () => ((inbox.failing = failing), [200, ""]);
    all.set("/effects", { GET: (request, raw, query) => [200, JSON.stringify({ count: effects(inbox, query) })] });
    all.set("/test/fail", { POST: setFailing(true) });
    all.set("/test/recover", { POST: setFailing(false) });
  }
  return all;
}

async function answer(table, request, response) {
  const [path, ...rest] = request.url.split("?");
  const query = rest.join("?"); // a query may hold question marks of its own
  const methods = table.get(path);
  let [status, text] = [404, "not found"];
  if (Number(request.headers["content-length"]) > BODY_LIMIT) {
    [status, text] = [413, `the body is over ${BODY_LIMIT} bytes`];
    response.setHeader("Connection", "close"); // what comes next on it is the body
  } else {
    let raw;
    try {
      raw = await readBody(request);
    } catch {
      response.destroy(); // nothing was done, and nobody is there to be told
      return;
    }
    if (methods && Object.hasOwn(methods, request.method)) {
      [status, text] = await methods[request.method](request, raw, new URLSearchParams(query));
    } else if (methods) {
      response.setHeader("Allow", Object.keys(methods).join(", "));
      [status, text] = [405, "method not allowed"];
    }
  }
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("X-Content-Type-Options", "nosniff"); // a browser must not run a challenge that looks like HTML
  response.setHeader("Content-Length", Buffer.byteLength(text));
  response.writeHead(status).end(text);
}

function stop(message) {
  console.error(`receiver.mjs: ${message}`);
  process.exit(1);
}

const { META_APP_SECRET, META_VERIFY_TOKEN, KIRIM_TEST, HOST, PORT } = process.env;
const missing = ["META_APP_SECRET", "META_VERIFY_TOKEN"].filter((name) => !process.env[name]);
if (missing.length > 0) stop(`${missing.join(" and ")} must be set; anybody knows an empty secret or token`);
const host = HOST || "127.0.0.1";
const table = routes(META_APP_SECRET, META_VERIFY_TOKEN, new Inbox(), KIRIM_TEST === "1");
const limits = { requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1000, keepAliveTimeout: IDLE_MS };
const server = createServer(limits, (request, response) => {
  answer(table, request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
server.on("error", (error) => stop(`cannot listen: ${error.message}`));
try {
  server.listen({ host, port: PORT || "8096", backlog: 1024 }, () => {
    console.log(`listening on http://${host}:${server.address().port}${PATH}`);
  });
} catch (error) {
  stop(`cannot start: ${error.message}`);
}
