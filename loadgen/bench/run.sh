#!/usr/bin/env bash
# Sets kirimcheck's load generator beside vegeta, k6 and wrk: the same server, the same connections, one after the other in
# several rounds. It installs the peers from public registries into a temporary folder (wrk from Debian, where it is not
# there), and prints a table.
#
#   loadgen/bench/run.sh [-rounds 5] [-requests 200000] [-connections 64]
set -euo pipefail
cd "$(dirname "$0")/../.."

VEGETA=v12.13.0
K6=v1.8.1

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

echo "building kirimcheck, the server and the harness" >&2
CGO_ENABLED=0 go build -trimpath -o "$dir/" ./cmd/kirimcheck ./loadgen/bench/server ./loadgen/bench/peers
echo "installing vegeta $VEGETA" >&2
GOBIN=$dir CGO_ENABLED=0 go install "github.com/tsenart/vegeta/v12@$VEGETA"
echo "installing k6 $K6" >&2
GOBIN=$dir CGO_ENABLED=0 go install "go.k6.io/k6@$K6" || echo "k6 cannot be built from the module proxy; it is left out" >&2
if ! command -v wrk >/dev/null; then
  echo "installing wrk" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk >/dev/null; } ||
    echo "wrk cannot be installed; it is left out" >&2
fi
"$dir/peers" -dir "$dir" "$@"
