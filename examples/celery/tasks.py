"""A small Celery application: tasks over AMQP, results over AMQP.

    celery -A tasks worker --loglevel info      runs a worker
    python3 -c 'from tasks import add; print(add.delay(2, 3).get(timeout=10))'

AMQP_URL names the broker, CELERY_QUEUE the queue (default "celery-example").
"""

import os

import celery

app = celery.Celery("tasks", broker=os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//"), backend="rpc://")
app.conf.update(
    task_default_queue=os.environ.get("CELERY_QUEUE", "celery-example"),
    task_acks_late=True,               # a task whose worker dies is given to another worker
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=2,
    broker_connection_retry_on_startup=True,
    broker_heartbeat=10,
    result_expires=60,
    task_serializer="json",
    accept_content=["json"],
)


@app.task
def add(first, second):
    return first + second


@app.task(bind=True, max_retries=3)
def succeed_at_attempt(self, attempt):
    """Fails until it has been tried `attempt` times; returns the number of tries."""
    tries = self.request.retries + 1
    if tries < attempt:
        raise self.retry(countdown=0.1)
    return tries


@app.task
def fail(text):
    raise ValueError(text)


@app.task
def total(numbers):
    return sum(numbers)
