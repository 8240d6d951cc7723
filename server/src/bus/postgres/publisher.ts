import type { Clock } from "../../clock.ts";
import type { BusMessage } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import { makeOwed } from "../owed.ts";
import { decodePayload, wireVersion } from "../wire.ts";
import type { PostgresConnection } from "./connection.ts";
import { encodeLight, packPayloads } from "./payloads.ts";

export interface PublisherOptions {
  readonly clock: Clock;
  readonly channel: string;
  readonly dropped: BusEvents["dropped"];
  /** The server refused, or the connection broke. */
  readonly failed: (connection: PostgresConnection, reason: unknown) => void;
  readonly patienceMs: number;
  /** Messages that may wait. */
  readonly waitingMost: number;
}

/**
 * One statement is under way at a time, and the next takes all that has gathered meanwhile. Of messages that got too
 * old the next tells how far their streams go.
 */
export interface Publisher {
  opened(connection: PostgresConnection): Promise<void>;
  closed(): void;
  /** Takes no more, and resolves when what was taken is sent or given up. */
  stop(): Promise<void>;
  publish(message: BusMessage): void;
  /** Resolves to whether it was notified. */
  notify(payload: string): Promise<boolean>;
}

/** A statement that waited (in a socket's buffer, at a server that hung) does nothing once its time has passed. */
const statement = `
SELECT count(pg_notify($1, payload)) AS notified, extract(epoch FROM clock_timestamp()) * 1000 AS now
FROM unnest($2::text[]) AS payload
WHERE extract(epoch FROM clock_timestamp()) * 1000 <= $3::float8`;

const always = Number.MAX_SAFE_INTEGER;

export function makePublisher(options: PublisherOptions): Publisher {
  const { clock, channel, dropped, failed, patienceMs, waitingMost } = options;
  /** Texts by what they are about: of heads and revs the newest says all. */
  let waiting = new Map<string, string>();
  let serial = 0;
  /** When the oldest of them is too old. */
  let dueAt = 0;
  let current: PostgresConnection | null = null;
  let sending = false;
  /** How far the server's clock is ahead of ours; by the way there too much, so that nothing is given up early. */
  let aheadMs = 0;
  let stopped = false;
  const owed = makeOwed(waitingMost);
  const drained = Promise.withResolvers<void>();

  async function send(to: PostgresConnection, payloads: readonly string[], before: number): Promise<boolean> {
    const sentAt = clock.now();
    const { rows } = await to.query<{ notified: string; now: string }>({
      name: "notify",
      text: statement,
      values: [channel, payloads, before + aheadMs],
    });
    aheadMs = Number(rows[0]?.now) - sentAt;
    return Number(rows[0]?.notified) > 0;
  }

  function drop(texts: ReadonlyMap<string, string>): void {
    for (const text of texts.values()) owed.add(decodePayload(wireVersion + text) ?? []);
    dropped(texts.size, "away");
  }

  function tellOwed(): void {
    if (waiting.size > waitingMost / 2) return;
    for (const message of owed.take()) publish(message);
  }

  function publish(message: BusMessage): void {
    if (stopped) return;
    if (waiting.size >= waitingMost) {
      owed.add([message]);
      return dropped(1, "full");
    }
    const text = encodeLight(message);
    if (text === null) return dropped(1, "size");
    if (waiting.size === 0) {
      dueAt = clock.now() + patienceMs;
      clock.soon(() => void flush());
    }
    const { type, stream } = message;
    const key = type === "rows" || type === "head" ? "head" : type === "changed" ? type : serial++;
    waiting.set(`${key} ${stream}`, text);
  }

  async function flush(): Promise<void> {
    const to = current;
    const texts = waiting;
    if (stopped && !sending && (to === null || texts.size === 0)) drained.resolve();
    if (texts.size === 0) return;
    if (dueAt < clock.now()) {
      waiting = new Map();
      return drop(texts);
    }
    if (to === null || sending) return;
    sending = true;
    waiting = new Map();
    const before = dueAt;
    try {
      if (!(await send(to, packPayloads(texts.values()), before))) drop(texts);
      tellOwed();
    } catch (reason) {
      waiting = new Map([...texts, ...waiting]);
      dueAt = before;
      failed(to, reason);
    }
    if (current !== to) return;
    sending = false;
    void flush();
  }

  return {
    async opened(connection) {
      await send(connection, [], always);
      current = connection;
      void flush();
      tellOwed();
    },

    closed() {
      current = null;
      sending = false;
      void flush();
    },

    stop() {
      stopped = true;
      void flush();
      clock.after(patienceMs, drained.resolve);
      return drained.promise;
    },

    publish,

    notify: async (payload) => current !== null && send(current, [payload], always),
  };
}
