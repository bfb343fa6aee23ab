#!/bin/sh
# answer-by-hand.sh: what a server should have answered to a recorded request,
# the head and the 8 bytes behind it; and how that answer comes about.
#
# Usage: answer-by-hand.sh < request
#
# Output for the request of the draft (section 1.2):
#   HTTP/1.1 101 WebSocket Protocol Handshake
#   Upgrade: WebSocket
#   Connection: Upgrade
#   Sec-WebSocket-Origin: http://example.com
#   Sec-WebSocket-Location: ws://example.com/demo
#   Sec-WebSocket-Protocol: sample
#
#   8jKS'y:G*Co,Wxa-
set -eu
request=$(mktemp)
trap 'rm "$request"' EXIT
cat >"$request"

ws76 keygen --request --explain <"$request" >&2
ws76 keygen --request --response <"$request"
