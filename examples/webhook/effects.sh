#!/bin/sh
# Counts the effects of an event, for certification: effects.sh EVENT EVENT_ID STATUS.
effects=${STATE:-state}/effects
mkdir -p "${effects%/*}"
: >> "$effects"
grep -cxF -- "$(printf '%s\t%s\t%s' "$@")" "$effects" || true # without a match grep prints 0 and fails
