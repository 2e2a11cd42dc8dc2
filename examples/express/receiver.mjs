// A receiver of Kirim's webhooks with Express. What is Kirim's (the signature, the inbox) is that of ../node.
//
// KIRIM_SECRET  the subscription's secret (required)
// PORT          where to listen on 127.0.0.1 (8097; 0 is any free one)
// KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
import express from "express";
import { EVENTS, Inbox, isObject, itemsOf } from "../node/inbox.mjs";
import { refusal } from "../node/kirim-signature.mjs";

const { KIRIM_SECRET = "", KIRIM_TEST, PORT = "8097" } = process.env;
if (KIRIM_SECRET === "") throw new Error("KIRIM_SECRET is not set; without a secret no delivery can be verified");
const inbox = await Inbox.open();
const app = express();

// express.json() would leave what it parsed, and not the bytes that were signed; its limit of 100 kB is too small as well.
const raw = express.raw({ type: () => true, limit: "4mb" });

app.post("/kirim-webhook", raw, async (req, res) => {
  const bytes = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0); // without a body Express leaves none
  const reason = refusal([KIRIM_SECRET], req.get("X-Kirim-Signature") ?? "", bytes, Math.floor(Date.now() / 1000));
  if (reason !== "") return res.status(401).send(reason);
  const [event = "", eventId = ""] = [req.get("X-Kirim-Event"), req.get("X-Kirim-Event-Id")];
  let items = [];
  try {
    const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!isObject(body) || event === "" || eventId === "") throw new Error("not a delivery");
    if (EVENTS.has(event)) items = itemsOf(event, eventId, req.get("X-Kirim-Source"), body);
  } catch (error) {
    return res.status(400).send(error.message);
  }
  await inbox.take(event, eventId, items, bytes); // where it rejects, Express answers 500, and Kirim tries again
  res.status(200).end();
});

if (KIRIM_TEST === "1") {
  app.get("/effects", (req, res) => {
    const { event, event_id: eventId, item, status } = req.query;
    const wanted = Object.entries({ event, eventId, item }).filter(([, value]) => value);
    if (status !== undefined) wanted.push(["status", status]);
    res.json({ count: inbox.count(Object.fromEntries(wanted)) });
  });
  app.post("/test/:state", (req, res) => {
    inbox.failing = req.params.state === "fail";
    res.status(204).end();
  });
}

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/kirim-webhook`);
});
