// amqplib: the client most Node programs use; today's version, and one that still asks for frames of 4096 octets.

import assert from "node:assert/strict"
import { after, test } from "node:test"
import amqplib from "amqplib"
import callbacks from "amqplib/callback_api"
import smallFrames from "amqplib-small-frames"
import { collect, promised, sweep, unique, url } from "./support.js"

after(sweep)

const numbers = (count) => Array.from({ length: count }, (_, number) => String(number))
const texts = (messages) => messages.map((message) => message.content.toString())

async function withConnection(talk, library = amqplib, options = "") {
  const connection = await library.connect(url + options)
  connection.on("error", () => {})
  try {
    return await talk(connection)
  } finally {
    await connection.close().catch(() => {})
  }
}

const withChannel = (talk, library) => withConnection(async (connection) => talk(await connection.createChannel(), connection), library)

for (const [version, library] of [["current", amqplib], ["small frames", smallFrames]]) {
  test(`${version}: publishes, consumes and acks in order`, () => withChannel(async (channel) => {
    const queue = unique()
    await channel.assertQueue(queue, { durable: true })
    await channel.prefetch(7)
    const inbox = collect(100)
    await channel.consume(queue, (message) => (channel.ack(message), inbox.take(message)))
    for (const text of numbers(100)) channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
    assert.deepEqual(texts(await inbox.all), numbers(100))
  }, library))

  test(`${version}: a big body comes back unchanged`, () => withChannel(async (channel) => {
    const queue = unique()
    await channel.assertQueue(queue)
    const body = Buffer.alloc(1_000_000, "0123456789")
    const inbox = collect(1)
    await channel.consume(queue, inbox.take, { noAck: true })
    channel.sendToQueue(queue, body)
    assert.ok((await inbox.all)[0].content.equals(body))
  }, library))
}

test("confirms resolve for each message", () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel()
  const queue = unique()
  await channel.assertQueue(queue, { durable: true })
  for (const text of numbers(500)) channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
  await channel.waitForConfirms()
  assert.equal((await channel.purgeQueue(queue)).messageCount, 500)
}))

test("a full queue with reject-publish nacks", () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel()
  const queue = unique()
  await channel.assertQueue(queue, { maxLength: 1, arguments: { "x-overflow": "reject-publish" } })
  channel.sendToQueue(queue, Buffer.from("fits"))
  await channel.waitForConfirms()
  channel.sendToQueue(queue, Buffer.from("does not"))
  await assert.rejects(channel.waitForConfirms(), /nacked/)
}))

test("a mandatory message without a queue is returned", () => withChannel(async (channel) => {
  const returned = promised("the return")
  channel.on("return", returned.settle)
  channel.publish("", unique("nowhere"), Buffer.from("back"), { mandatory: true })
  const message = await returned.promise
  assert.equal(message.fields.replyCode, 312)
  assert.equal(message.fields.replyText, "NO_ROUTE")
  assert.equal(message.content.toString(), "back")
}))

test("a missing queue closes the channel with 404 and leaves the connection", () => withConnection(async (connection) => {
  const channel = await connection.createChannel()
  channel.on("error", () => {})
  await assert.rejects(channel.checkQueue(unique()), (error) => error.code === 404 && /NOT_FOUND - no queue/.test(error.message))
  const again = await connection.createChannel()
  assert.equal((await again.assertQueue(unique())).messageCount, 0)
}))

test("an inequivalent queue is 406", () => withChannel(async (channel) => {
  const queue = unique()
  channel.on("error", () => {})
  await channel.assertQueue(queue, { durable: true })
  const refused = (error) => error.code === 406 && /inequivalent arg/.test(error.message)
  await assert.rejects(channel.assertQueue(queue, { durable: false }), refused)
}))

test("every kind of header comes back", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.assertQueue(queue)
  const headers = {
    text: "grüße", small: 1, negative: -129, big: 2 ** 40, half: 0.5, yes: true, no: false, nothing: null,
    list: [1, "two", [true]], table: { deep: { deeper: "x" } }, when: { "!": "timestamp", value: 1_700_000_000 },
    price: { "!": "decimal", value: { places: 2, digits: 1250 } }, bytes: Buffer.from([0, 255]),
  }
  const inbox = collect(1)
  await channel.consume(queue, inbox.take, { noAck: true })
  channel.sendToQueue(queue, Buffer.from("x"), { headers, messageId: "m", priority: 4, expiration: "60000", timestamp: 1_700_000_000 })
  const [{ properties }] = await inbox.all
  assert.deepEqual(properties.headers, headers)
  const { messageId, priority, expiration, timestamp } = properties
  assert.deepEqual([messageId, priority, expiration, timestamp], ["m", 4, "60000", 1_700_000_000])
}))

test("topic bindings and exchange bindings route", () => withChannel(async (channel) => {
  const [source, target, queue] = [unique("x"), unique("x"), unique()]
  await channel.assertExchange(source, "topic")
  await channel.assertExchange(target, "fanout")
  await channel.assertQueue(queue)
  await channel.bindExchange(target, source, "a.#")
  await channel.bindQueue(queue, target, "")
  const inbox = collect(1)
  await channel.consume(queue, inbox.take, { noAck: true })
  channel.publish(source, "b", Buffer.from("no"))
  channel.publish(source, "a.b", Buffer.from("yes"))
  assert.deepEqual(texts(await inbox.all), ["yes"])
}))

test("a rejected message is dead-lettered with its story", () => withChannel(async (channel) => {
  const [queue, dead] = [unique(), unique("dead")]
  await channel.assertQueue(dead)
  await channel.assertQueue(queue, { deadLetterExchange: "", deadLetterRoutingKey: dead })
  const inbox = collect(1)
  await channel.consume(dead, inbox.take, { noAck: true })
  await channel.consume(queue, (message) => channel.nack(message, false, false))
  channel.sendToQueue(queue, Buffer.from("poison"))
  const [death] = (await inbox.all)[0].properties.headers["x-death"]
  assert.deepEqual([death.queue, death.reason, death.count], [queue, "rejected", 1])
}))

test("deleting a queue tells its consumer with null", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.assertQueue(queue)
  const cancelled = promised("the cancel")
  await channel.consume(queue, cancelled.settle)
  await channel.deleteQueue(queue)
  assert.equal(await cancelled.promise, null)
}))

test("nackAll and recover give messages back", () => withChannel(async (channel) => {
  const queue = unique()
  await channel.assertQueue(queue)
  const first = collect(3)
  const { consumerTag } = await channel.consume(queue, first.take)
  for (const text of numbers(3)) channel.sendToQueue(queue, Buffer.from(text))
  await first.all
  await channel.cancel(consumerTag)
  channel.nackAll(true)
  const second = collect(3)
  await channel.consume(queue, second.take)
  const again = await second.all
  assert.deepEqual(texts(again), numbers(3))
  assert.ok(again.every((message) => message.fields.redelivered))
}))

test("direct reply-to answers a request", () => withChannel(async (channel) => {
  const queue = unique("rpc")
  await channel.assertQueue(queue)
  await channel.consume(queue, (message) => {
    channel.sendToQueue(message.properties.replyTo, Buffer.from("answer"), { correlationId: message.properties.correlationId })
    channel.ack(message)
  })
  const inbox = collect(1)
  await channel.consume("amq.rabbitmq.reply-to", inbox.take, { noAck: true })
  channel.sendToQueue(queue, Buffer.from("question"), { replyTo: "amq.rabbitmq.reply-to", correlationId: "7" })
  const [message] = await inbox.all
  assert.deepEqual([message.content.toString(), message.properties.correlationId], ["answer", "7"])
}))

test("heartbeats keep an idle connection", () => withConnection(async (connection) => {
  // With heartbeat 1 the client gives up after two silent seconds, so it must hear from the broker to live through three.
  const ended = promised("the connection's end", 60_000)
  connection.on("close", ended.settle)
  const beats = promised("heartbeats")
  let heard = 0
  connection.connection.stream.on("data", () => (heard += 1) === 3 && beats.settle())
  await beats.promise
  await (await connection.createChannel()).close()
  ended.settle()
  await ended.promise
}, amqplib, "?heartbeat=1"))

test("a wrong password is refused", async () => {
  const wrong = new URL(url)
  wrong.password = "wrong"
  await assert.rejects(amqplib.connect(wrong.href), /403|ACCESS_REFUSED|ACCESS-REFUSED/)
})

test("an unknown vhost is refused", async () => {
  const wrong = new URL(url)
  wrong.pathname = "/no-such-vhost"
  await assert.rejects(amqplib.connect(wrong.href), /530|NOT_ALLOWED|NOT-ALLOWED|ConnectionClose/)
})

test("the callback interface says hello", async () => {
  const done = promised("the message")
  const queue = unique()
  callbacks.connect(url, (error, connection) => {
    if (error) return done.refuse(error)
    connection.createChannel((failed, channel) => {
      if (failed) return done.refuse(failed)
      channel.assertQueue(queue, {}, () => {
        channel.consume(queue, (message) => connection.close(() => done.settle(message.content.toString())), { noAck: true })
        channel.sendToQueue(queue, Buffer.from("hello"))
      })
    })
  })
  assert.equal(await done.promise, "hello")
})
