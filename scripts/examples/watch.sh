#!/bin/sh
# watch.sh: ask a device for something again and again and print each answer with
# its time. The connection is opened again when it is lost, for as long as it takes.
#
# Usage: watch.sh URL MESSAGE [INTERVAL [COUNT]]
#
# Output of watch.sh ws://127.0.0.1:8076/ temperature 1s 2:
#   2026-11-23T10:00:00.000Z temperature
#   2026-11-23T10:00:01.000Z temperature
set -eu
url=${1:?usage: watch.sh URL MESSAGE [INTERVAL [COUNT]]} message=${2:?usage: watch.sh URL MESSAGE [INTERVAL [COUNT]]}

# --on-eof ignore: there is no input, and --reconnect goes on without.
exec ws76 connect "$url" --no-stdin --on-eof ignore --reconnect \
    --heartbeat "$message" --heartbeat-interval "${3:-10s}" \
    --format '%T %d\n' ${4:+-n "$4"}
