#!/bin/sh
# request-reply.sh: ask a device one thing, use its answer, and tell by the exit
# code what went wrong.
#
# Usage: request-reply.sh URL MESSAGE
#
# Output of request-reply.sh ws://127.0.0.1:8076/ status:
#   the answer to "status" is "status"
set -u
url=${1:?usage: request-reply.sh URL MESSAGE} message=${2:?usage: request-reply.sh URL MESSAGE}

# -n 1: one message is the answer. Standard input is for the script, not for ws76.
answer=$(ws76 connect "$url" "$message" --no-stdin --on-eof wait -n 1 --timeout 5s)
code=$?
case $code in
0) echo "the answer to \"$message\" is \"$answer\"" ;;
3) echo "nobody is there" ;;
4) echo "that is no WebSocket server of this dialect" ;;
5) echo "it does not answer" ;;
6 | 7) echo "it broke off" ;;
esac
exit "$code"
