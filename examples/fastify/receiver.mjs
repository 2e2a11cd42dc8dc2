// A receiver of Kirim's webhooks with Fastify. What is Kirim's (the signature, the inbox) is that of ../node.
//
// KIRIM_SECRET  the subscription's secret (required)
// PORT          where to listen on 127.0.0.1 (8096; 0 is any free one)
// KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
import Fastify from "fastify";
import { EVENTS, Inbox, isObject, itemsOf } from "../node/inbox.mjs";
import { refusal } from "../node/kirim-signature.mjs";

const { KIRIM_SECRET = "", KIRIM_TEST, PORT = "8096" } = process.env;
if (KIRIM_SECRET === "") throw new Error("KIRIM_SECRET is not set; without a secret no delivery can be verified");
const inbox = await Inbox.open();
const app = Fastify({ bodyLimit: 4 << 20 }); // the default of 1 MiB is less than Meta's largest bodies

// Bodies stay the bytes that were signed, whatever their type: Fastify's own parser would leave what it parsed.
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

app.post("/kirim-webhook", async (request, reply) => {
  const bytes = request.body ?? Buffer.alloc(0);
  const header = (name) => request.headers[`x-kirim-${name}`] ?? "";
  const reason = refusal([KIRIM_SECRET], header("signature"), bytes, Math.floor(Date.now() / 1000));
  if (reason !== "") return reply.code(401).send(reason);
  const [event, eventId] = [header("event"), header("event-id")];
  let items = [];
  try {
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!isObject(body) || event === "" || eventId === "") throw new Error("not a delivery");
    if (EVENTS.has(event)) items = itemsOf(event, eventId, header("source"), body);
  } catch (error) {
    return reply.code(400).send(error.message);
  }
  await inbox.take(event, eventId, items, bytes); // where it rejects, Fastify answers 500, and Kirim tries again
  return reply.code(200).send();
});

if (KIRIM_TEST === "1") {
  app.get("/effects", async (request) => {
    const { event, event_id: eventId, item, status } = request.query;
    const wanted = Object.entries({ event, eventId, item }).filter(([, value]) => value);
    if (status !== undefined) wanted.push(["status", status]);
    return { count: inbox.count(Object.fromEntries(wanted)) };
  });
  app.post("/test/:state", async (request, reply) => {
    inbox.failing = request.params.state === "fail";
    return reply.code(204).send();
  });
}

await app.listen({ host: "127.0.0.1", port: Number(PORT) });
console.log(`listening on http://127.0.0.1:${app.server.address().port}/kirim-webhook`);
