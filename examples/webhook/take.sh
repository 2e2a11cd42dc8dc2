#!/bin/sh
# Does the work of a delivery once: take.sh EVENT EVENT_ID STATUS. Sent, delivered and read of a message share its id.
# A command that fails is answered with 500, and Kirim tries again.
set -eu
state=${STATE:-state}
mkdir -p "$state/seen"
[ ! -e "$state/failing" ] || exit 1
key=$(printf '%s\n' "$@" | sha256sum)
mkdir "$state/seen/${key%% *}" 2>/dev/null || exit 0 # another copy was first
printf '%s\t%s\t%s\n' "$@" >> "$state/effects"
