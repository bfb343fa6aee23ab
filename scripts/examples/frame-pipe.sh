#!/bin/sh
# frame-pipe.sh: change a recorded stream of frames with the tools of the shell.
# Here the messages that match a pattern are dropped and the others put into
# capitals; frames go in and frames come out.
#
# Usage: frame-pipe.sh PATTERN < frames > frames
#
# Output of printf 'on\nping\noff\n' | ws76 frame encode | frame-pipe.sh ping | ws76 frame decode:
#   ON
#   OFF
set -eu
pattern=${1:?usage: frame-pipe.sh PATTERN < frames > frames}

# A line is a message. Messages that may hold newlines would go by --out json.
ws76 frame decode | grep -v -e "$pattern" | tr '[:lower:]' '[:upper:]' | ws76 frame encode --close
