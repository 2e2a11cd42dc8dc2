// Verification of X-Kirim-Signature: Node's own crypto alone, to be copied as it is.
//
// The header is t=<unix seconds>,v1=<hex>[,v1=<hex>...]; v1 is the HMAC-SHA256 of "<t>.<body>" in lower-case hexadecimal.
// check-vectors.mjs holds this file against the published test vectors.
import { createHmac, timingSafeEqual } from "node:crypto";

// Seconds between the signature's time and our clock, on either side, that are still accepted.
export const TOLERANCE = 300;

// The v1 of a body (a Buffer) that was signed at t (Unix seconds, a number). The key is the secret as it was shown, whsec_
// included: it is text, not base64.
export function mac(secret, t, body) {
  return createHmac("sha256", secret).update(`${t}.`).update(body).digest("hex");
}

// Says why a delivery is not genuine; the empty string means that it is. secrets are all active ones, header is the value
// of X-Kirim-Signature ("" if missing), body is the Buffer as received (never JSON that was parsed and written again), now
// is the clock in Unix seconds.
export function refusal(secrets, header, body, now, tolerance = TOLERANCE) {
  if (secrets.length === 0 || secrets.includes("")) return "no-secret"; // an empty key is one that everybody knows
  if (header.trim() === "") return "header-missing";
  let t;
  const signatures = [];
  for (const part of header.split(",").map((p) => p.trim())) {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(equals, 0));
    const value = part.slice(equals + 1);
    if (key === "t") t ??= value;
    else if (key === "v1") signatures.push(value); // one for every active secret: that is how secrets are rotated
  }
  if (!t) return "timestamp-missing";
  // Number() alone takes "", "1e9", "0x1" and " 1"; NaN passes every comparison; beyond 15 digits a double is not exact.
  if (!/^[0-9]{1,15}$/.test(t)) return "timestamp-not-numeric";
  const seconds = Number(t);
  if (seconds === 0) return "timestamp-zero";
  if (signatures.length === 0) return "signature-missing";
  if (Math.abs(now - seconds) > tolerance) return now > seconds ? "too-old" : "too-new";
  let matched = false;
  for (const secret of secrets) {
    const expected = Buffer.from(mac(secret, seconds, body));
    for (const signature of signatures) {
      // Compared as text, because Buffer.from(x, "hex") drops what is not hexadecimal. timingSafeEqual throws on another
      // length, so the bytes (not the characters) are counted first. No early exit: the time would tell which pair matched.
      const got = Buffer.from(signature);
      matched = (got.length === expected.length && timingSafeEqual(got, expected)) || matched;
    }
  }
  return matched ? "" : "no-match";
}
