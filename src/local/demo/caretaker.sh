#!/bin/sh
# Tidies up behind a demo that was killed: caretaker.sh ROOT [keep]. A line on standard input says that there is no need;
# the end of the input without one says that the demo is dead. Then whoever has a directory under ROOT in its
# environment is ended (as in leftovers.ts; none where there is no /proc), and ROOT is removed unless it is to be kept.
root=${1:?}
read -r line && exit 0
tries=0
while [ "$tries" -lt 100 ]; do
  pids=$(grep -lsF "=$root/" /proc/[0-9]*/environ | cut -d / -f 3)
  [ -z "$pids" ] && break
  # One of them may have ended meanwhile, and a supervisor may just have started another.
  kill -9 $pids 2>/dev/null
  tries=$((tries + 1))
  sleep 0.1
done
[ "$2" = keep ] || rm -rf "$root"
