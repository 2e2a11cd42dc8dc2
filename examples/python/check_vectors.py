#!/usr/bin/env python3
"""Hold kirim_signature.py against the published test vectors: check_vectors.py [kirim-signature.json]

Prints a line for every vector that is decided otherwise, and ends with 1 if there is one.
"""

import base64
import json
import pathlib
import sys

from kirim_signature import mac, refusal

PUBLISHED = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "vectors" / "kirim-signature.json"


def complaint(vector):
    """What is wrong with our decision on one vector; None if it is the right one."""
    body = base64.b64decode(vector["body_base64"])
    reason = refusal(vector["secrets"], vector["header"], body, vector["now"], vector["tolerance_seconds"])
    verdict = "refuse" if reason else "accept"
    if (verdict, reason) != (vector["verdict"], vector["reason"]):
        return f"decided {verdict} {reason!r}, should be {vector['verdict']} {vector['reason']!r}"
    if verdict == "accept":
        step = vector["intermediate"]
        if mac(step["secret"], int(step["signed_prefix"].rstrip(".")), body) != step["mac"]:
            return "the MAC differs"
    return None


def main(path):
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    wrong = 0
    for vector in vectors:
        problem = complaint(vector)
        if problem:
            wrong += 1
            print(f"{vector['name']}: {problem}")
    print(f"{len(vectors)} vectors, {wrong} decided otherwise")
    return 1 if wrong or not vectors else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else PUBLISHED))
