// Hello over AMQP: publishes one confirmed message, consumes it, says what came. AMQP_URL names the broker.

import amqplib from "amqplib"

const connection = await amqplib.connect(process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672/%2F")
const channel = await connection.createConfirmChannel()
const queue = "hello"
await channel.assertQueue(queue, { durable: true })

channel.sendToQueue(queue, Buffer.from("Hello, brokerd!"), { persistent: true, contentType: "text/plain" })
await channel.waitForConfirms()

await channel.prefetch(10)
await channel.consume(queue, async (message) => {
  console.log(message.content.toString())
  channel.ack(message)
  await channel.close()
  await connection.close()
})
