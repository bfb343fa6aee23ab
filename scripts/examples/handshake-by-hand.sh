#!/usr/bin/env bash
# handshake-by-hand.sh: a client of draft 76 out of nothing but a socket of bash,
# to see what a server does with each byte. It sends a request with a fresh
# challenge, a message and the closing frame, reads all that comes back, and has
# ws76 say what that is and whether the answer to the challenge is right.
#
# Usage: handshake-by-hand.sh HOST PORT [MESSAGE]
#
# Output of handshake-by-hand.sh 127.0.0.1 8076 hello (its last lines):
#   0000017c  78 f1 26 96 e5 11 dc 85 bc 3c 64 8e ff ed b1 76  x.&......<d....v  answer, right
#   0000018c  00                                               .                 frame 1: type 0x00, a message
#   0000018d  68 65 6c 6c 6f                                   hello             payload, 5 bytes
#   00000192  ff                                               .                 sentinel
#   00000193  ff                                               .                 frame 2: type 0xff, the closing frame
#   00000194  00                                               .                 length 0
set -eu
host=${1:?usage: handshake-by-hand.sh HOST PORT [MESSAGE]} port=${2:?usage: handshake-by-hand.sh HOST PORT [MESSAGE]}
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

# One line: key1, key2, key3 in hex, and the answer, with tabs between.
IFS=$'\t' read -r key1 key2 key3 _ < <(ws76 keygen -n 1)

{
    printf '%s\r\n' 'GET / HTTP/1.1' 'Upgrade: WebSocket' 'Connection: Upgrade' \
        "Host: $host:$port" "Origin: http://$host:$port" \
        "Sec-WebSocket-Key1: $key1" "Sec-WebSocket-Key2: $key2" ''
    printf '%b' "$(sed 's/../\\x&/g' <<<"$key3")"
} >"$dir/request"

exec 3<>"/dev/tcp/$host/$port"
cat "$dir/request" >&3
# As in the draft, nothing follows before the answer is there: an empty line and
# 16 bytes. What comes later is collected until the server closes.
cat <&3 >"$dir/response" &
while ! ws76 frame dump "$dir/response" 2>/dev/null | grep -q '  answer'; do
    kill -0 $! 2>/dev/null || { echo "the server closed without an answer:" >&2; cat "$dir/response" >&2; exit 1; }
    sleep 0.1
done
printf '%s\n' "${3:-hello}" | ws76 frame encode --close >&3
wait $!

# Both directions in one dump, so that the answer is held against the challenge.
cat "$dir/request" "$dir/response" | ws76 frame dump
