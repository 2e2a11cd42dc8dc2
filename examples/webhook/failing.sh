#!/bin/sh
# Makes the work fail, or work again, for certification: failing.sh yes|no.
state=${STATE:-state}
mkdir -p "$state"
if [ "$1" = yes ]; then : > "$state/failing"; else rm -f "$state/failing"; fi
