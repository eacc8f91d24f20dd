// @cloudamqp/amqp-client: the promise-based client, its low-level channels and its sessions.

import assert from "node:assert/strict"
import { after, test } from "node:test"
import { AMQPClient, AMQPSession } from "@cloudamqp/amqp-client"
import { collect, promised, sweep, unique, url } from "./support.js"

after(sweep)

const numbers = (count) => Array.from({ length: count }, (_, number) => String(number))

async function withChannel(talk) {
  const client = new AMQPClient(url)
  client.logger = null
  const connection = await client.connect()
  try {
    return await talk(await connection.channel(), connection)
  } finally {
    if (!connection.closed) await connection.close()
  }
}

test("publishes with confirms and consumes in order", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue, { durable: true })
  await channel.confirmSelect()
  await Promise.all(numbers(200).map((text) => channel.basicPublish("", queue, text, { deliveryMode: 2 })))
  await channel.basicQos(10)
  const inbox = collect(200)
  await channel.basicConsume(queue, { noAck: false }, (message) => (message.ack(), inbox.take(message.bodyString())))
  assert.deepEqual(await inbox.all, numbers(200))
}))

test("a publish resolves to its sequence number", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  await channel.confirmSelect()
  const tags = []
  for (let round = 0; round < 3; round += 1) tags.push(await channel.basicPublish("", queue, "x"))
  assert.deepEqual(tags, [1, 2, 3])
}))

test("properties and headers come back", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  const headers = { text: "ü", number: 7, list: [1, "two"], table: { yes: true } }
  await channel.basicPublish("", queue, "x", { contentType: "text/plain", correlationId: "c", replyTo: "r", headers })
  const message = await channel.basicGet(queue, { noAck: true })
  assert.deepEqual(message.properties.headers, headers)
  assert.deepEqual([message.properties.contentType, message.properties.correlationId, message.properties.replyTo], ["text/plain", "c", "r"])
}))

test("getting from an empty queue is null", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  assert.equal(await channel.basicGet(queue), null)
}))

test("a big body comes back unchanged", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  const body = Buffer.alloc(2_000_000, "abcdefghij")
  const inbox = collect(1)
  await channel.basicConsume(queue, { noAck: true }, inbox.take)
  await channel.basicPublish("", queue, body)
  assert.ok(Buffer.from((await inbox.all)[0].bodyToString()).equals(body))
}))

test("a mandatory message without a queue is returned", () => withChannel(async (channel) => {
  const returned = promised("the return")
  channel.onReturn = returned.settle
  await channel.basicPublish("amq.direct", unique("nowhere"), "back", {}, true)
  const message = await returned.promise
  assert.deepEqual([message.replyCode, message.replyText], [312, "NO_ROUTE"])
}))

test("a missing queue rejects and the connection lives on", () => withChannel(async (channel, connection) => {
  await assert.rejects(channel.queueDeclare(unique(), { passive: true }), /NOT_FOUND - no queue/)
  const again = await connection.channel()
  assert.equal((await again.queueDeclare(unique())).messageCount, 0)
}))

test("an inequivalent queue rejects", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue, { durable: true })
  await assert.rejects(channel.queueDeclare(queue, { durable: false }), /PRECONDITION_FAILED - inequivalent arg 'durable'/)
}))

test("exchanges bind, route and unbind", () => withChannel(async (channel) => {
  const [source, target, queue] = [unique("x"), unique("x"), unique()]
  await channel.exchangeDeclare(source, "topic")
  await channel.exchangeDeclare(target, "fanout")
  await channel.queueDeclare(queue)
  await channel.exchangeBind(target, source, "a.*")
  await channel.queueBind(queue, target, "")
  await channel.basicPublish(source, "a.b", "in")
  await channel.exchangeUnbind(target, source, "a.*")
  await channel.basicPublish(source, "a.b", "out")
  assert.deepEqual([(await channel.basicGet(queue, { noAck: true })).bodyString(), await channel.basicGet(queue)], ["in", null])
}))

test("a transaction commits and rolls back", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  await channel.txSelect()
  await channel.basicPublish("", queue, "dropped")
  await channel.txRollback()
  await channel.basicPublish("", queue, "kept")
  await channel.txCommit()
  assert.equal((await channel.basicGet(queue, { noAck: true })).bodyString(), "kept")
}))

test("rejecting with requeue brings the message back, flagged", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  await channel.basicPublish("", queue, "x")
  await (await channel.basicGet(queue, { noAck: false })).reject(true)
  assert.equal((await channel.basicGet(queue, { noAck: true })).redelivered, true)
}))

test("the consumer generator hands out messages", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.queueDeclare(queue)
  for (const text of numbers(5)) await channel.basicPublish("", queue, text)
  const consumer = await channel.basicConsume(queue, { noAck: false })
  const got = []
  for await (const message of consumer.messages) {
    got.push(message.bodyString())
    await message.ack()
    if (got.length === 5) await consumer.cancel()
  }
  assert.deepEqual(got, numbers(5))
}))

test("many channels work side by side", () => withChannel(async (first, connection) => {
  const queue = unique()
  await first.queueDeclare(queue)
  const channels = await Promise.all(numbers(50).map(() => connection.channel()))
  await Promise.all(channels.map((channel) => channel.basicPublish("", queue, String(channel.id))))
  const inbox = collect(50)
  await first.basicConsume(queue, { noAck: true }, (message) => inbox.take(message.bodyString()))
  assert.deepEqual(new Set(await inbox.all), new Set(channels.map((channel) => String(channel.id))))
}))

test("a wrong password is refused", async () => {
  const wrong = new URL(url)
  wrong.password = "wrong"
  const client = new AMQPClient(wrong.href)
  client.logger = null
  await assert.rejects(client.connect(), /ACCESS_REFUSED|closed/)
})

test("a session publishes and subscribes", async () => {
  const session = await AMQPSession.connect(url)
  try {
    const queue = await session.queue(unique(), { durable: true })
    const inbox = collect(3)
    await queue.subscribe((message) => inbox.take(message.bodyString()))
    for (const text of numbers(3)) await queue.publish(text, { deliveryMode: 2 })
    assert.deepEqual(await inbox.all, numbers(3))
  } finally {
    await session.stop()
  }
})
