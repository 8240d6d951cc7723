/**
 * What a log under examination brings, and what the exam's topics share. A driver's test calls `examineLog` of
 * `log.ts` with a factory and with what the driver declares; nothing here knows which driver it is.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { Outcome } from "../../store/streams.ts";
import type { Consumer, LogBatch, LogDriver, LogRecord } from "../driver.ts";

export interface LogCapabilities {
  /**
   * True: an append is durable by itself and answers `appended`; a part is read again from any offset.
   * False: an append is settled by the consumer and answers with what became of it.
   */
  readonly keepsOffsets: boolean;
  /** How many parts `open` can be asked for. */
  readonly mostParts: number;
  /** The most records and bytes of bodies in a batch. */
  readonly batch: { readonly records: number; readonly bytes: number };
  /** With how many records waiting an append is refused; null where the driver has room without a bound of its own. */
  readonly queueRecords: number | null;
}

export interface LogUnderTest {
  readonly capabilities: LogCapabilities;
  /** A new, empty, started log. The exam stops it. */
  open(parts: number): Promise<LogDriver>;
  /**
   * Another process opens the same log while this one dies. Null where no offsets are kept: nothing was answered
   * then that the store didn't have.
   */
  readonly reopen: ((log: LogDriver) => Promise<LogDriver>) | null;
  /** Some stream whose records go to this part. */
  streamIn(part: number, parts: number): StreamName;
}

let made = 0;

export const record = (stream: StreamName, body = "{}"): LogRecord => {
  const key = String(made++).padStart(22, "k");
  return {
    stream,
    key,
    digest: key,
    silent: false,
    collapseKey: null,
    expiresAt: null,
    receipt: false,
    acceptedAt: made,
    body,
  };
};

export const records = (stream: StreamName, count: number, body?: string): LogRecord[] =>
  Array.from({ length: count }, () => record(stream, body));

export const keys = (of: readonly LogRecord[]): string[] => of.map(({ key }) => key);

export const storedFrom = (seq: number, batch: LogBatch): Outcome[] =>
  batch.records.map((_, at) => ({ status: "stored", seq: seq + at }));

export interface Offered {
  readonly batch: LogBatch;
  settle(outcomes?: readonly Outcome[]): void;
  reject(error: unknown): void;
}

/** A consumer whose batches are settled by hand: `next` resolves with the next one, once it is offered. */
export function makeManualConsumer() {
  const offered: Offered[] = [];
  const waiting: ((batch: Offered) => void)[] = [];
  let underWay = 0;
  let mostUnderWay = 0;

  const consumer: Consumer = (batch) => {
    mostUnderWay = Math.max(mostUnderWay, ++underWay);
    return new Promise((resolve, reject) => {
      const offer: Offered = {
        batch,
        settle: (outcomes = storedFrom(1, batch)) => {
          underWay--;
          resolve(outcomes);
        },
        reject: (error) => {
          underWay--;
          reject(error);
        },
      };
      const waiter = waiting.shift();
      if (waiter) waiter(offer);
      else offered.push(offer);
    });
  };

  return {
    consumer,
    next: (): Promise<Offered> => {
      const offer = offered.shift();
      return offer ? Promise.resolve(offer) : new Promise((resolve) => waiting.push(resolve));
    },
    /** Batches offered and not yet asked for by `next`. */
    pending: (): number => offered.length,
    mostUnderWay: (): number => mostUnderWay,
  };
}

/** Settles batches until `count` records have come, and answers with them in their order. */
export async function drain(
  manual: ReturnType<typeof makeManualConsumer>,
  count: number,
): Promise<LogRecord[]> {
  const seen: LogRecord[] = [];
  while (seen.length < count) {
    const { batch, settle } = await manual.next();
    seen.push(...batch.records);
    settle();
  }
  return seen;
}
