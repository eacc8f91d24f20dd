#!/bin/bash
# usage: bench/compare.sh [OPTION...]
# Measures brokerd beside RabbitMQ on this machine, in one sitting, and writes bench/results.md and bench/results.svg.
#
# Builds the programs and installs Debian's rabbitmq-server, each only if it is missing. Starts both brokers on 127.0.0.1, on free ports,
# with data in a temporary folder; a RabbitMQ that runs already is neither used nor disturbed. `brokerbench compare` then gives them the
# same work in turns. In the end, or after Ctrl-C, both are stopped and the folder is removed. Safe to repeat.
#
# OPTIONs go to brokerbench, such as --rounds 5 or --seconds 10. PRESETS="a b" picks other scenarios, OUT=DIR another place for results,
# BUILD=DIR programs that are built already.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/setup"

# Idle connections come first: a broker that has worked has memory to spare, and theirs would not be seen.
presets=${PRESETS:-idle-connections small-transient small-transient-acked small-persistent-confirmed medium-persistent-confirmed four-by-four-persistent
  one-by-one-confirmed large-messages mixed-sizes fanout-to-eight topic-thousand-bindings hundred-queues ten-priorities transactions-of-ten
  request-reply five-thousand-a-second fill-then-drain connection-churn}
out=${OUT:-$root/bench}
rabbit_home=/usr/lib/rabbitmq/bin

# Debian starts a broker as soon as it is installed; policy-rc.d is how one declines.
install_rabbitmq() {
  [ -x "$rabbit_home/rabbitmq-server" ] && return
  local policy=/usr/sbin/policy-rc.d made=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
    made=yes
  fi
  local status=0
  (need_packages compare) || status=$?
  [ -z "$made" ] || as_root rm -f "$policy"
  return "$status"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

taken=" "
free_port() { # sets $port
  local tries
  for tries in {1..200}; do
    port=$((20000 + RANDOM % 12000))
    case $taken in *" $port "*) continue ;; esac
    if ! listens "$port"; then
      taken+="$port "
      return
    fi
  done
  die "no free port after $tries tries"
}

home="" brokerd_pid="" rabbit_pid="" epmd_pid=""
stop() { # PID: asks, waits, and after 20 s insists
  local tries
  [ -n "$1" ] && kill -TERM "$1" 2>/dev/null || return 0
  for tries in {1..200}; do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  [ "$tries" -lt 200 ] || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
clean_up() {
  trap - EXIT INT TERM
  stop "$brokerd_pid"
  stop "$rabbit_pid"  # the script, which stops its broker
  stop "$epmd_pid"
  [ -z "$home" ] || rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

wait_for() { # NAME PORT PID LOG
  local tries
  for tries in {1..600}; do
    listens "$2" && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 30 "$4" >&2
  die "$1 did not start (after $tries tries)"
}

start_brokerd() {
  free_port
  brokerd_port=$port
  "$bin/brokerd" --config "$root/config/brokerd.toml" --data-dir "$home/brokerd" --bind 127.0.0.1 --amqp-port "$brokerd_port" --set management.enabled=false >"$home/brokerd.log" 2>&1 &
  brokerd_pid=$!
  wait_for brokerd "$brokerd_port" "$brokerd_pid" "$home/brokerd.log"
}

# A node of its own name with its own epmd, so that no other Erlang node here is met, and none is left behind.
start_rabbitmq() {
  local epmd_port dist_port
  free_port; epmd_port=$port
  free_port; dist_port=$port
  free_port; rabbit_port=$port
  epmd -address 127.0.0.1 -port "$epmd_port" >"$home/epmd.log" 2>&1 &
  epmd_pid=$!
  mkdir -p "$home/rabbitmq"
  : >"$home/rabbitmq/env.conf"
  echo '[].' >"$home/rabbitmq/enabled_plugins"
  echo "listeners.tcp.1 = 127.0.0.1:$rabbit_port" >"$home/rabbitmq/rabbitmq.conf"
  # Busy waiting is off: on a machine shared with the load it only takes time from it.
  env -u RABBITMQ_NODE_IP_ADDRESS HOME="$home/rabbitmq" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" \
    RABBITMQ_NODENAME="brokerbench$$@localhost" RABBITMQ_NODE_PORT="$rabbit_port" RABBITMQ_DIST_PORT="$dist_port" \
    RABBITMQ_MNESIA_BASE="$home/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$home/rabbitmq/log" RABBITMQ_PID_FILE="$home/rabbitmq/pid" \
    RABBITMQ_CONF_ENV_FILE="$home/rabbitmq/env.conf" RABBITMQ_CONFIG_FILE="$home/rabbitmq/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$home/rabbitmq/enabled_plugins" RABBITMQ_GENERATED_CONFIG_DIR="$home/rabbitmq/config" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none" \
    "$rabbit_home/rabbitmq-server" >"$home/rabbitmq.log" 2>&1 &
  rabbit_pid=$!
  wait_for RabbitMQ "$rabbit_port" "$rabbit_pid" "$home/rabbitmq.log"
  rabbit_beam=$(cat "$home/rabbitmq/pid")
}

for option in "$@"; do
  case $option in -h | --help) sed -n '2,/^set -e/{/^# \{0,1\}/s///p}' "${BASH_SOURCE[0]}"; exit 0 ;; esac
done
load_programs
install_rabbitmq
home=$(mktemp -d)
say "Starting brokerd and RabbitMQ"
start_brokerd
start_rabbitmq
say "Measuring; the machine should do nothing else"
status=0
# shellcheck disable=SC2086  # the presets are words
"$bin/brokerbench" compare "brokerd=amqp://127.0.0.1:$brokerd_port" "RabbitMQ=amqp://127.0.0.1:$rabbit_port" \
  --pid "$brokerd_pid" --pid "$rabbit_beam" --preset "$(echo $presets | tr ' ' ,)" --rounds 3 --warmup 1 --seconds 3 \
  --markdown-file "$home/results.md" --svg-file "$home/results.svg" "$@" || status=$?
[ "$status" -le 1 ] || exit "$status"  # interrupted, or not understood: the results of before stay
cp "$home/results.md" "$home/results.svg" "$out/"
say "Written: $out/results.md and $out/results.svg"
[ "$status" = 0 ] || die "not every scenario ran on both brokers; the results say which"
