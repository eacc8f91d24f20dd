#!/bin/bash
# usage: bench/locks.sh [THREADS...]
# Shows that no lock stands on a message's way: runs brokerd with one thread and with two (or as many as asked for) under a few of
# brokerbench's scenarios, and prints rates, and how many locks were taken and how many of those were found taken by another thread.
#
# Builds what is missing; data lie in a temporary folder that is removed. SECONDS_EACH=3 is how long a scenario runs, BUILD=DIR names
# programs that are built already.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/setup"

case ${1:-} in -h | --help) sed -n '2,/^set -e/{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 0 ;; esac
load_programs

[ $# -gt 0 ] || set -- 1 2

home=$(mktemp -d) pid=""
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait; rm -rf "$home"' EXIT
cc -O2 -shared -fPIC -o "$home/count_locks.so" "$root/bench/count_locks.c"

printf '%-28s %7s %12s %10s %10s %12s\n' scenario threads messages/s locks contended "per million"
for preset in small-transient small-transient-acked small-persistent-confirmed four-by-four-persistent fanout-to-eight; do
  for count in "$@"; do
    port=$((20000 + RANDOM % 12000))
    LD_PRELOAD=$home/count_locks.so "$bin/brokerd" --set "server.threads=$count" --data-dir "$home/data" --bind 127.0.0.1 --amqp-port "$port" --set management.enabled=false \
      >"$home/log" 2>&1 &
    pid=$!
    "$bin/brokerctl" await-startup --port "$port" >/dev/null || { cat "$home/log" >&2; die "brokerd did not start"; }
    "$bin/brokerbench" --port "$port" --preset "$preset" --seconds "${SECONDS_EACH:-3}" --quiet --json >"$home/result"
    kill "$pid"
    wait "$pid" || true
    pid=""
    python3 - "$home/result" "$home/log" "$preset" "$count" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
counts = [line.split() for line in open(sys.argv[2]) if line.startswith("locks:")]
taken, contended = sum(int(c[-2]) for c in counts), sum(int(c[-1]) for c in counts)
messages = result["consumed"]
print(f"{sys.argv[3]:28} {sys.argv[4]:>7} {result['consumed_per_s']:>12,.0f} {taken:>10,} {contended:>10,} {contended * 1e6 / messages:>12.1f}")
PYTHON
    rm -rf "$home/data"
  done
done
