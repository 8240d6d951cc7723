/** A store of some size, filled through its ports as a server would. */
import { topicStream, userStream } from "@carillon/protocol/stream";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import type { StreamRecord } from "../../src/store/streams.ts";

export interface Size {
  readonly notifications: number;
  readonly streams: number;
  /** So many of the notifications are in one stream, a topic's. */
  readonly inOne: number;
  readonly subscriptions: number;
}

const batch = 2_000;

const recordOf = (at: number, stream: StreamRecord["stream"]): StreamRecord => ({
  stream,
  key: at.toString(36).padStart(22, "0"),
  digest: at.toString(36).padStart(22, "0"),
  kind: at % 10 === 0 ? 1 : 0,
  collapseKey: at % 50 === 0 ? `order-${at % 7}` : null,
  expiresAt: at % 20 === 0 ? Date.now() + 3_600_000 : null,
  receipt: at % 25 === 0,
  acceptedAt: Date.now(),
  body: JSON.stringify({
    specversion: "1.0",
    id: `o-${at}`,
    source: "/shop",
    type: "order.shipped",
    time: "2026-01-01T00:00:00Z",
    data: { title: `Order ${at} is on its way`, body: "It left the warehouse this morning. ".repeat(3) },
  }),
});

async function fill(store: StoreBackend, size: Size): Promise<void> {
  await store.directory.putTopic("all", "key:shop");
  const users = Array.from({ length: size.streams }, (_, at) => `u${at}`);
  for (let at = 0; at < size.subscriptions; at += 1_000) {
    await store.directory.subscribe("all", users.slice(at, Math.min(at + 1_000, size.subscriptions)), 256);
  }
  const inFlight: Promise<unknown>[] = [];
  for (let from = 0; from < size.notifications; from += batch) {
    const records = Array.from({ length: Math.min(batch, size.notifications - from) }, (_, i) => {
      const at = from + i;
      return recordOf(at, at < size.inOne ? topicStream("all") : userStream(users[at % size.streams]!));
    });
    inFlight.push(store.streams.apply({ part: 0, progress: null, records, rejected: [] }));
    if (inFlight.length >= 4) await inFlight.shift();
  }
  await Promise.all(inFlight);
  for (let at = 0; at < size.streams; at += 97) {
    const [user, stream] = [users[at]!, userStream(users[at]!)];
    await store.positions.mark(user, "read", { stream, upTo: 3 });
    await store.positions.mark(user, "read", { stream, seqs: [2, 6], undo: at % 2 === 0 });
    await store.positions.mark(user, "archive", { stream, seqs: [1, 5], undo: false });
    await store.positions.mark(user, "seen", { all: true });
  }
}

export async function fillDirectory(directory: string, size: Size): Promise<void> {
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  try {
    await fill(store, size);
  } finally {
    await store.stop();
  }
}
