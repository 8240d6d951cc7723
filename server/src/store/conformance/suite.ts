/**
 * What a store under examination brings, and what the exam's topics share. A backend's test calls `examineStreams`,
 * `examineDirectory`, `examinePolicy`, `examineGrants`, `examinePositions`, `examineAccess`, `examineCoordination` and
 * `examineInbox`
 * with a factory and with what the backend declares; nothing here knows which backend it is.
 */
import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { onTestFinished, type TestContext } from "vitest";
import type { StoreBackend } from "../store.ts";
import type { Applied, Batch, Row, StreamRecord, StreamsDriver } from "../streams.ts";

export interface OpenedStore {
  readonly store: StoreBackend;
  /** Stops it and opens the same data again, as a restart of the process does. */
  reopen(): Promise<void>;
  /** Moves the backend's clock ahead; only where the capabilities say that it can be moved. */
  advance(ms: number): Promise<void>;
  /** Stops it and removes its data. */
  dispose(): Promise<void>;
}

export interface StoreCapabilities {
  /** The clock can be moved; null is the reason why not, and then windows and expiry are examined elsewhere. */
  readonly clock: "movable" | { readonly reason: string };
  /** What `progress` says of a part is kept: for logs that have offsets. */
  readonly progress: boolean;
  /** Of how many parts the store is. */
  readonly parts: number;
}

export interface StoreUnderTest {
  readonly capabilities: StoreCapabilities;
  /** A new, empty store. */
  open(options: { readonly identityWindowMs: number }): Promise<OpenedStore>;
}

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export async function opened(
  subject: StoreUnderTest,
  options: { readonly identityWindowMs?: number } = {},
): Promise<OpenedStore> {
  const store = await subject.open({ identityWindowMs: options.identityWindowMs ?? dayMs });
  onTestFinished(() => store.dispose());
  return store;
}

export function needsClock({ capabilities }: StoreUnderTest, { skip }: TestContext): void {
  if (capabilities.clock !== "movable") skip(capabilities.clock.reason);
}

/** A stream of the part, called something like this. */
export function inPart(part: number, { capabilities }: StoreUnderTest, name: StreamName): StreamName {
  for (let at = 0; ; at++) {
    const stream: StreamName = `${name}.${at}`;
    if (partOf(stream, capabilities.parts) === part % capabilities.parts) return stream;
  }
}

let made = 0;

export const record = (stream: StreamName, some: Partial<StreamRecord> = {}): StreamRecord => {
  const key = some.key ?? String(++made).padStart(22, "k");
  const body = some.body ?? `{"n":"${key}"}`;
  return {
    stream,
    key,
    digest: key,
    kind: 0,
    collapseKey: null,
    expiresAt: null,
    receipt: false,
    acceptedAt: Date.now(),
    body,
    ...some,
  };
};

export const records = (stream: StreamName, count: number): StreamRecord[] =>
  Array.from({ length: count }, () => record(stream));

export const batchOf = (some: readonly StreamRecord[], progress: Batch["progress"] = null): Batch => ({
  part: 0,
  progress,
  records: some,
  rejected: [],
});

export const apply = (streams: StreamsDriver, ...some: readonly StreamRecord[]): Promise<Applied> =>
  streams.apply(batchOf(some));

export const rowOf = (seq: number, { kind, expiresAt, receipt, body }: StreamRecord): Row => ({
  seq,
  kind,
  expiresAt,
  receipt,
  body,
});

export const tombstoneOf = (seq: number, { expiresAt, receipt }: StreamRecord): Row => ({
  seq,
  kind: 2,
  expiresAt,
  receipt,
  body: null,
});

export async function headOf(streams: StreamsDriver, stream: StreamName) {
  const { heads } = await streams.heads([stream]);
  return heads[0]!;
}

/** Upkeep until nothing is left to do. */
export async function keepUp(streams: StreamsDriver, limit = 1_000): Promise<number> {
  let touched = 0;
  for (;;) {
    const step = await streams.upkeep(limit);
    touched += step;
    if (step < limit) return touched;
  }
}
