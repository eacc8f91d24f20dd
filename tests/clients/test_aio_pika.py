"""aio-pika: asyncio, robust connections that outlive a broker, the RPC pattern."""

import asyncio
import uuid

import aio_pika
import aiormq.exceptions
import pytest
from aio_pika.patterns import RPC

LIMIT = 20


def together(coroutine):
    """Runs a coroutine to its end, with a deadline."""
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))


async def collect(queue, count, no_ack=False):
    got = []
    async with queue.iterator(no_ack=no_ack) as messages:
        async for message in messages:
            got.append(message)
            if not no_ack:
                await message.ack()
            if len(got) == count:
                return got


def test_publishes_with_confirms_and_consumes(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, durable=True)
            for number in range(50):
                confirmation = await channel.default_exchange.publish(
                    aio_pika.Message(str(number).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT), queue_name)
                assert confirmation is not None
            await channel.set_qos(prefetch_count=5)
            return [message.body for message in await collect(queue, 50)]

    assert together(talk()) == [str(number).encode() for number in range(50)]


def test_publishes_at_once_are_all_confirmed(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name)
            await asyncio.gather(*(channel.default_exchange.publish(aio_pika.Message(b"x"), queue_name) for _ in range(300)))
            return len(await collect(queue, 300))

    assert together(talk()) == 300


def test_an_unroutable_message_raises(broker, name):
    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel(on_return_raises=True)
            with pytest.raises(aio_pika.exceptions.PublishError):
                await channel.default_exchange.publish(aio_pika.Message(b"x"), name("nowhere"))

    together(talk())


def test_a_channel_error_does_not_end_the_connection(broker, name):
    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
                await channel.declare_queue(name(), passive=True)
            again = await connection.channel()
            return (await again.declare_queue(name())).declaration_result.message_count

    assert together(talk()) == 0


def test_an_inequivalent_redeclare_is_a_precondition_failure(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            await channel.declare_queue(queue_name, durable=True)
            with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
                await channel.declare_queue(queue_name, durable=False)

    together(talk())


def test_headers_and_properties_come_back(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name)
            await channel.default_exchange.publish(
                aio_pika.Message(b"x", headers={"a": 1, "t": {"n": ["l"]}}, message_id="m", priority=3, expiration=60), queue_name)
            (message,) = await collect(queue, 1)
            return message.headers_raw, message.message_id, message.priority, message.expiration

    assert together(talk()) == ({"a": 1, "t": {"n": ["l"]}}, "m", 3, 60)


def test_a_transaction_commits_and_rolls_back(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel(publisher_confirms=False)
            queue = await channel.declare_queue(queue_name)
            async with channel.transaction():
                await channel.default_exchange.publish(aio_pika.Message(b"kept"), queue_name)
            transaction = channel.transaction()
            await transaction.select()
            await channel.default_exchange.publish(aio_pika.Message(b"dropped"), queue_name)
            await transaction.rollback()
            first = await queue.get(timeout=5)
            return first.body, await queue.get(fail=False)

    assert together(talk()) == (b"kept", None)


def test_rpc_by_a_reply_queue(broker, name):
    method = name("rpc")

    async def multiply(*, x, y):
        return x * y

    async def talk():
        async with await aio_pika.connect(broker.url()) as serving, await aio_pika.connect(broker.url()) as asking:
            server = await RPC.create(await serving.channel())
            await server.register(method, multiply, auto_delete=True)
            client = await RPC.create(await asking.channel())
            return await asyncio.gather(*(client.call(method, kwargs={"x": number, "y": 2}) for number in range(50)))

    assert together(talk()) == [number * 2 for number in range(50)]


def test_rpc_by_direct_reply_to(broker, name):
    requests = name("requests")

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            server, client = await connection.channel(), await connection.channel(publisher_confirms=False)
            queue = await server.declare_queue(requests)

            async def answer(message):
                async with message.process():
                    await server.default_exchange.publish(
                        aio_pika.Message(message.body.upper(), correlation_id=message.correlation_id), message.reply_to)

            await queue.consume(answer)
            replies = await client.get_queue("amq.rabbitmq.reply-to", ensure=False)
            answered = asyncio.get_running_loop().create_future()

            async def take(message):
                answered.set_result((message.body, message.correlation_id))

            await replies.consume(take, no_ack=True)
            await client.default_exchange.publish(
                aio_pika.Message(b"hello", reply_to="amq.rabbitmq.reply-to", correlation_id="7"), requests)
            return await answered

    assert together(talk()) == (b"HELLO", "7")


def test_a_consumer_that_starts_late_finds_everything(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            await channel.declare_queue(queue_name, durable=True)
            for number in range(20):
                await channel.default_exchange.publish(aio_pika.Message(str(number).encode()), queue_name)
        async with await aio_pika.connect(broker.url()) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, durable=True)
            return [message.body for message in await collect(queue, 20)]

    assert together(talk()) == [str(number).encode() for number in range(20)]


def test_an_exclusive_queue_is_locked_for_another_connection(broker, name):
    queue_name = name()

    async def talk():
        async with await aio_pika.connect(broker.url()) as owner, await aio_pika.connect(broker.url()) as other:
            await (await owner.channel()).declare_queue(queue_name, exclusive=True)
            with pytest.raises(aiormq.exceptions.ChannelLockedResource):
                await (await other.channel()).declare_queue(queue_name, exclusive=True)

    together(talk())


def test_a_robust_connection_outlives_a_broker_restart(own_broker):
    """Same connection object before and after: topology and consumer are restored, confirmed messages are still there."""
    queue_name = f"robust.{uuid.uuid4().hex[:8]}"

    async def talk():
        got = asyncio.Queue()

        async def take(message):
            async with message.process():
                await got.put((message.body, message.redelivered))

        connection = await aio_pika.connect_robust(own_broker.url(), reconnect_interval=0.1)
        reconnected = asyncio.Event()
        connection.reconnect_callbacks.add(lambda *_: reconnected.set())
        channel = await connection.channel()
        queue = await channel.declare_queue(queue_name, durable=True)
        await queue.consume(take)
        await channel.default_exchange.publish(
            aio_pika.Message(b"before", delivery_mode=aio_pika.DeliveryMode.PERSISTENT), queue_name)
        first = await got.get()
        await asyncio.to_thread(own_broker.restart)
        await reconnected.wait()
        await channel.default_exchange.publish(
            aio_pika.Message(b"after", delivery_mode=aio_pika.DeliveryMode.PERSISTENT), queue_name)
        bodies = [first[0]]
        while b"after" not in bodies:
            bodies.append((await got.get())[0])
        await connection.close()
        return bodies

    bodies = together(talk())
    # The ack of "before" may have died with the broker; then it comes once more.
    assert bodies in ([b"before", b"after"], [b"before", b"before", b"after"])


def test_a_robust_connection_waits_for_a_broker_that_starts_later(own_broker):
    own_broker.kill()

    async def talk():
        connecting = asyncio.create_task(connect_stubbornly(own_broker.url()))
        await asyncio.to_thread(own_broker.start)
        connection = await connecting
        channel = await connection.channel()
        queue = await channel.declare_queue("late", auto_delete=True)
        await connection.close()
        return queue.name

    assert together(talk()) == "late"


async def connect_stubbornly(url):
    """What applications do at boot: connect_robust gives up on its first attempt, so it is tried until it works."""
    while True:
        try:
            return await aio_pika.connect_robust(url)
        except (ConnectionError, OSError):
            await asyncio.sleep(0.05)
