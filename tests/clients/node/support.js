// What the Node suites share: the broker's URL, unique names that are removed again, waiting with a deadline.

import { randomUUID } from "node:crypto"
import amqplib from "amqplib"

export const url = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672/%2F"

const made = []

export function unique(label = "q") {
  const name = `node.${label}.${randomUUID().slice(0, 8)}`
  made.push(name)
  return name
}

// Deletes everything declared under a unique name; absent ones count as deleted.
export async function sweep() {
  const connection = await amqplib.connect(url)
  connection.on("error", () => {})
  for (const name of made.splice(0)) {
    const channel = await connection.createChannel()
    channel.on("error", () => {})
    await channel.deleteQueue(name).catch(() => {})
    await channel.deleteExchange(name).catch(() => {})
    await channel.close().catch(() => {})
  }
  await connection.close()
}

// A promise that can be settled from outside, and fails by itself after `limit` milliseconds.
export function promised(what, limit = 10_000) {
  let settle, refuse
  const promise = new Promise((resolve, reject) => ([settle, refuse] = [resolve, reject]))
  const timer = setTimeout(() => refuse(new Error(`waited ${limit} ms for ${what}`)), limit)
  return {
    promise: promise.finally(() => clearTimeout(timer)),
    settle,
    refuse,
  }
}

// Collects `count` deliveries: give `take` to the client as its callback and await `all`.
export function collect(count, what = `${count} deliveries`) {
  const got = []
  const { promise, settle } = promised(what)
  return {
    take(message) {
      got.push(message)
      if (got.length === count) settle(got)
    },
    all: promise,
  }
}
