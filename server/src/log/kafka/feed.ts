/** One part's way from what was fetched to its consumer, a batch at a time; what is ahead of it is bounded. */
import type { Failure } from "../../errors.ts";
import type { Consumer, LogRecord } from "../driver.ts";
import { decodeRecord, describeRecord } from "./record.ts";
import type { ReadBatch } from "./record-batch.ts";

export interface FeedOptions {
  readonly part: number;
  readonly parts: number;
  /** Null: from the oldest offset kept, which `begin` is told. */
  readonly from: bigint | null;
  readonly consumer: Consumer;
  readonly batchRecords: number;
  readonly batchBytes: number;
  /** Called when there is room for more. */
  drained(): void;
}

export interface Feed {
  readonly part: number;
  /** Where to fetch from; null until it is known. */
  next(): bigint | null;
  begin(offset: bigint): void;
  /** What is fetched and not yet handed over. */
  bufferedBytes(): number;
  take(batches: readonly ReadBatch[]): void;
  fed(): boolean;
  fail(failure: Failure): void;
  readonly failed: Promise<Failure>;
  /** Resolves when the batch under way is done; none follows. */
  stop(): Promise<void>;
}

interface Item {
  /** Where the next one begins. */
  readonly next: bigint;
  readonly bytes: number;
  readonly record: LogRecord | null;
  readonly rejected: { readonly reason: string; readonly record: string; readonly offset: string } | null;
}

/** So many may linger before the list is cut. */
const handedOver = 10_000;

export function makeFeed(options: FeedOptions): Feed {
  const { part, parts, consumer, batchRecords, batchBytes } = options;
  const { promise: failed, resolve: tellFailed } = Promise.withResolvers<Failure>();
  let items: Item[] = [];
  let head = 0;
  let buffered = 0;
  /** Where the consumer stands, and where fetching does. */
  let place = options.from;
  let ahead = options.from;
  let open = true;
  let running: Promise<void> | undefined;

  const reject = (offset: bigint, key: Buffer | null, value: Buffer | null, reason: string): Item => {
    const record = describeRecord(key, value);
    const rejected = { reason, record, offset: String(offset) };
    return { next: offset + 1n, bytes: record.length, record: null, rejected };
  };

  const read = (batch: ReadBatch, from: bigint): void => {
    if (batch.control || batch.lastOffset < from) return;
    if (batch.records === null) {
      const offset = batch.firstOffset < from ? from : batch.firstOffset;
      add({ ...reject(offset, null, null, batch.reason ?? "it can't be read"), next: batch.lastOffset + 1n });
      return;
    }
    for (const { offset, key, value } of batch.records) {
      if (offset < from) continue;
      const decoded = batch.transactional
        ? "it was written in a transaction, which may have been taken back"
        : decodeRecord(key, value, part, parts);
      if (typeof decoded === "string") add(reject(offset, key, value, decoded));
      else add({ next: offset + 1n, bytes: value!.length, record: decoded, rejected: null });
    }
  };

  const add = (item: Item): void => {
    items.push(item);
    buffered += item.bytes;
  };

  const hand = async (): Promise<void> => {
    while (open && head < items.length) {
      const records: LogRecord[] = [];
      const rejected: NonNullable<Item["rejected"]>[] = [];
      let bytes = 0;
      let at = head;
      for (; at < items.length && at - head < batchRecords; at++) {
        const item = items[at]!;
        if (at > head && bytes + item.bytes > batchBytes) break;
        bytes += item.bytes;
        if (item.record) records.push(item.record);
        else if (item.rejected) rejected.push(item.rejected);
      }
      const all = at === items.length;
      const to = all ? ahead! : items[at - 1]!.next;
      items = all ? [] : at > handedOver ? items.slice(at) : items;
      head = all || at > handedOver ? 0 : at;
      buffered -= bytes;
      options.drained();
      try {
        await consumer({ part, progress: { from: String(place), to: String(to) }, records, rejected });
        place = to;
      } catch {
        open = false;
      }
    }
    running = undefined;
    if (!open) {
      items = [];
      buffered = 0;
    }
  };

  return {
    part,
    next: () => ahead,
    begin(offset) {
      place ??= offset;
      ahead ??= offset;
    },
    bufferedBytes: () => buffered,
    take(batches) {
      if (!open || ahead === null) return;
      for (const batch of batches) {
        read(batch, ahead);
        if (batch.lastOffset >= ahead) ahead = batch.lastOffset + 1n;
      }
      if (head < items.length) running ??= hand();
    },
    fed: () => open,
    fail(failure) {
      if (!open) return;
      open = false;
      tellFailed(failure);
    },
    failed,
    async stop() {
      open = false;
      await running;
    },
  };
}
