import type { StreamName } from "@carillon/protocol/stream";
import { ErrorReply } from "@redis/client";
import type { Clock } from "../../clock.ts";
import type { BusMessage } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import { makeOwed } from "../owed.ts";
import { decodePayload, encodeMessage, wireVersion } from "../wire.ts";
import type { RedisConnection } from "./connection.ts";

export interface PublisherOptions {
  readonly clock: Clock;
  readonly prefix: string;
  readonly dropped: BusEvents["dropped"];
  /** The server refused, or the connection broke. */
  readonly failed: (connection: RedisConnection, reason: unknown) => void;
  /** How old a message may get before it is sent, and before the server has it. */
  readonly patienceMs: number;
  /** What may wait for the server's answer, in UTF-16 units. */
  readonly waitingMost: number;
}

/**
 * Messages to one server: gathered in a turn of the loop, sent as one command, given up when they get old. Of those
 * that were given up the next to be sent tells how far their streams go.
 */
export interface Publisher {
  /** Sends what waits. Rejects when the server lets us not. */
  opened(connection: RedisConnection): Promise<void>;
  closed(): void;
  /** Takes no more, and resolves when what was taken is sent or given up. */
  stop(): Promise<void>;
  publish(message: BusMessage): void;
}

interface Batch {
  /** Channel, payload, channel, payload, ... */
  readonly parts: readonly string[];
  readonly messages: number;
  readonly size: number;
  readonly dueAt: number;
}

/** Beyond it a turn's messages are several commands, between which the server serves others. */
const batchMost = { parts: 1_000, size: 1 << 20 };
const owedMost = 50_000;

/**
 * A command that waited (in a socket's buffer, at a server that hung) does nothing once its time, by the
 * server's clock, has passed. One script for many channels costs half of our CPU of a PUBLISH for each: 2.4
 * against 4.5 us a message, and a third more of the server's (2.3 against 1.7).
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return -now end
for at = 2, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return now`;

async function run({ client }: RedisConnection, dueAt: number, parts: readonly string[]): Promise<number> {
  return Number(await client.sendCommand(["EVAL", script, "0", String(Math.ceil(dueAt)), ...parts]));
}

const always = Number.MAX_SAFE_INTEGER;

export function makePublisher(options: PublisherOptions): Publisher {
  const { clock, prefix, dropped, failed, patienceMs, waitingMost } = options;
  /** Where in `parts` the payload of each stream is. */
  const places = new Map<StreamName, number>();
  let parts: string[] = [];
  let messages = 0;
  let size = 0;
  /** Not sent, oldest first. */
  let waiting: Batch[] = [];
  const inFlight = new Set<Batch>();
  /** Of all of these together. */
  let total = 0;
  const owed = makeOwed(owedMost);
  let current: RedisConnection | null = null;
  /** How far the server's clock is ahead of ours; by the way there too much, so that nothing is given up early. */
  let aheadMs = 0;
  let stopped = false;
  const drained = Promise.withResolvers<void>();

  function settled(batch: Batch, sent: boolean): void {
    total -= batch.size;
    if (!sent) {
      for (let at = 1; at < batch.parts.length; at += 2) owed.add(decodePayload(batch.parts[at]!) ?? []);
      dropped(batch.messages, "away");
    }
    if (stopped && total === 0) drained.resolve();
  }

  function close(): void {
    if (messages === 0) return;
    waiting.push({ parts, messages, size, dueAt: clock.now() + patienceMs });
    places.clear();
    parts = [];
    messages = 0;
    size = 0;
  }

  async function send(to: RedisConnection, batch: Batch): Promise<void> {
    inFlight.add(batch);
    const sentAt = clock.now();
    try {
      const time = await run(to, batch.dueAt + aheadMs, batch.parts);
      if (!inFlight.delete(batch)) return;
      aheadMs = Math.abs(time) - sentAt;
      settled(batch, time > 0);
      tellOwed();
    } catch (reason) {
      // Not in flight any more: the connection broke, and it waits for the next.
      if (!inFlight.delete(batch)) return;
      settled(batch, false);
      failed(to, reason);
    }
  }

  function flush(): void {
    close();
    const now = clock.now();
    const due = waiting;
    waiting = [];
    for (const batch of due) {
      if (batch.dueAt < now) settled(batch, false);
      else if (current === null) waiting.push(batch);
      else void send(current, batch);
    }
  }

  function publish(message: BusMessage): void {
    if (stopped) return;
    const text = encodeMessage(message);
    if (total + text.length > waitingMost) {
      owed.add([message]);
      return dropped(1, "full");
    }
    if (parts.length >= batchMost.parts || size + text.length > batchMost.size) close();
    if (messages === 0) clock.soon(flush);
    const place = places.get(message.stream);
    if (place === undefined) {
      places.set(message.stream, parts.length + 1);
      parts.push(prefix + message.stream, wireVersion + text);
    } else {
      parts[place] += text;
    }
    messages++;
    size += text.length;
    total += text.length;
  }

  function tellOwed(): void {
    if (total > waitingMost / 2) return;
    for (const message of owed.take()) publish(message);
  }

  return {
    publish,

    async opened(to) {
      const sentAt = clock.now();
      // To nobody: a server that doesn't let us publish says so here.
      const time = await run(to, always, [prefix, wireVersion]).catch((reason) => {
        if (!(reason instanceof ErrorReply)) throw reason;
        throw new Error(`publishing is refused: ${reason.message}`, { cause: reason });
      });
      aheadMs = time - sentAt;
      current = to;
      flush();
      tellOwed();
    },

    closed() {
      current = null;
      waiting = [...inFlight, ...waiting];
      inFlight.clear();
      flush();
    },

    stop() {
      stopped = true;
      flush();
      if (total === 0 || current === null) drained.resolve();
      clock.after(patienceMs, drained.resolve);
      return drained.promise;
    },
  };
}
