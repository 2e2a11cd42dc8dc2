// Holds kirim-signature.mjs against the published test vectors: node check-vectors.mjs [kirim-signature.json]
// Prints a line for every vector that is decided otherwise, and ends with 1 if there is one.
import { readFileSync } from "node:fs";
import { mac, refusal } from "./kirim-signature.mjs";

const published = new URL("../../fixtures/vectors/kirim-signature.json", import.meta.url);

// What is wrong with our decision on one vector; undefined if it is the right one.
function complaint(vector) {
  const body = Buffer.from(vector.body_base64, "base64");
  const reason = refusal(vector.secrets, vector.header, body, vector.now, vector.tolerance_seconds);
  const verdict = reason === "" ? "accept" : "refuse";
  if (verdict !== vector.verdict || reason !== vector.reason) {
    return `decided ${verdict} "${reason}", should be ${vector.verdict} "${vector.reason}"`;
  }
  if (verdict === "accept") {
    const { secret, signed_prefix: prefix, mac: expected } = vector.intermediate;
    if (mac(secret, prefix.slice(0, -1), body) !== expected) return "the MAC differs";
  }
}

const { vectors } = JSON.parse(readFileSync(process.argv[2] ?? published, "utf8"));
let wrong = 0;
for (const vector of vectors) {
  const problem = complaint(vector);
  if (problem === undefined) continue;
  wrong++;
  console.log(`${vector.name}: ${problem}`);
}
console.log(`${vectors.length} vectors, ${wrong} decided otherwise`);
process.exitCode = wrong > 0 || vectors.length === 0 ? 1 : 0;
