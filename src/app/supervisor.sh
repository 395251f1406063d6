#!/bin/sh
# Keeps the daemon alive: supervisor.sh STATE_DIRECTORY PROGRAM [ARGUMENT...]
# The first argument only tells `tandem down` whose supervisor this is.
# 0: it was stopped; 71: not in order. 75: another daemon runs. 78: it cannot start, and trying again would not help.
log=$1/daemon.log
shift
child=
nap=
is_ending=

end() {
  is_ending=1
  [ -n "$child" ] && kill -TERM "$child" 2>/dev/null
  [ -n "$nap" ] && kill -KILL "$nap" 2>/dev/null
}
trap end TERM INT HUP

tenths=2
while :; do
  began=$(date +%s)
  # The log may have been set aside since; what a daemon says at its death belongs into the one of today.
  [ -f "$log" ] && [ ! -h "$log" ] && [ -w "$log" ] && exec 2>>"$log"
  [ -n "$is_ending" ] && exit 0
  TANDEM_SUPERVISOR_PID=$$ "$@" &
  child=$!
  # A signal that came before the child had a number. It is this shell's copy still, in which a TERM would be lost.
  [ -n "$is_ending" ] && kill -KILL "$child" 2>/dev/null
  wait "$child"
  code=$?
  # A trapped signal ends the wait, not the child.
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  [ -n "$is_ending" ] && exit 0
  case $code in 0 | 71 | 75 | 78) exit "$code" ;; esac

  [ $(($(date +%s) - began)) -ge 60 ] && tenths=2
  [ -n "$is_ending" ] && exit 0
  sleep "$((tenths / 10)).$((tenths % 10))" &
  nap=$!
  # As above.
  [ -n "$is_ending" ] && kill -KILL "$nap" 2>/dev/null
  wait "$nap"
  nap=
  [ -n "$is_ending" ] && exit 0
  tenths=$((tenths * 2))
  [ "$tenths" -gt 300 ] && tenths=300
done
