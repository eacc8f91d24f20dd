#!/bin/sh
# The whole pipeline once: declare, 100 orders of which every tenth is poison, three workers, the dead letters.
# AMQP_URL names the broker (default amqp://guest:guest@127.0.0.1:5672/%2F), PYTHON the interpreter that has pika.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}

"$python" topology.py
"$python" producer.py 1 100 --poison 10 > /dev/null
for queue in orders.billing orders.shipping orders.audit; do
    printf '%s: ' "$queue"
    "$python" worker.py "$queue" --idle 1 | awk '{ seen[$3]++ } END { printf "%d done, %d rejected\n", seen["done"], seen["rejected"] }'
done
printf 'dead letters: '
"$python" dead_letters.py | awk 'END { print NR }'
"$python" topology.py remove
