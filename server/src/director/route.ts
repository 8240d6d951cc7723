import type { LogBatch, LogRecord } from "../log/driver.ts";
import { type Batch, Kind, type StreamRecord } from "../store/streams.ts";

const toStreamRecord = (record: LogRecord): StreamRecord => ({
  stream: record.stream,
  key: record.key,
  digest: record.digest,
  kind: record.silent ? Kind.silent : Kind.counted,
  collapseKey: record.collapseKey,
  expiresAt: record.expiresAt,
  receipt: record.receipt,
  acceptedAt: record.acceptedAt,
  body: record.body,
});

/**
 * What the store is asked to do with a batch of the log: a pure function of the batch alone, no clock and no
 * lookup, so that the same prefix of the log gives the same seqs whoever applies it (invariant 12).
 */
export const route = (batch: LogBatch): Batch => ({
  part: batch.part,
  progress: batch.progress,
  records: batch.records.map(toStreamRecord),
  rejected: batch.rejected,
});
