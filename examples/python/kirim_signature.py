"""Verification of X-Kirim-Signature: Python's standard library alone, to be copied as it is.

The header is t=<unix seconds>,v1=<hex>[,v1=<hex>...]; v1 is the HMAC-SHA256 of "<t>.<body>" in lower-case hexadecimal.
check_vectors.py holds this file against the published test vectors.
"""

import hashlib
import hmac
import re

TOLERANCE = 300  # seconds between the signature's time and our clock, on either side, that are still accepted


def mac(secret, t, body):
    """The v1 of a body (bytes) that was signed at t (Unix seconds, a number)."""
    # The key is the secret as it was shown, whsec_ included: it is text, not base64.
    return hmac.new(secret.encode(), b"%d." % t + body, hashlib.sha256).hexdigest()


def refusal(secrets, header, body, now, tolerance=TOLERANCE):
    """Say why a delivery is not genuine; the empty string means that it is.

    secrets are all active ones, header is the value of X-Kirim-Signature ("" if missing), body is the bytes as received
    (never JSON that was parsed and written again), now is the clock in Unix seconds.
    """
    if not secrets or "" in secrets:
        return "no-secret"  # an empty key is one that everybody knows
    if not header.strip():
        return "header-missing"
    t, signatures = None, []
    for part in header.split(","):
        key, equals, value = part.strip().partition("=")
        if equals and key == "t" and t is None:
            t = value
        elif equals and key == "v1":
            signatures.append(value)  # one for every active secret: that is how secrets are rotated
    if not t:
        return "timestamp-missing"
    if not re.fullmatch("[0-9]{1,15}", t):  # int() alone takes "+1", "1_0" and the digits of every script
        return "timestamp-not-numeric"
    t = int(t)
    if t == 0:
        return "timestamp-zero"
    if not signatures:
        return "signature-missing"
    if abs(now - t) > tolerance:
        return "too-old" if now > t else "too-new"
    matched = False
    for secret in secrets:
        expected = mac(secret, t, body).encode()
        for signature in signatures:
            # Bytes, because compare_digest raises on text that is not ASCII; another length is no match. No early exit,
            # because the time it takes would tell which pair matched.
            matched |= hmac.compare_digest(expected, signature.encode())
    return "" if matched else "no-match"
