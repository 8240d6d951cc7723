import type { StreamName } from "@carillon/protocol/stream";
import type { BusMessage } from "../bus/driver.ts";
import type { LogRecord } from "../log/driver.ts";
import { Kind, type Outcome, type Row } from "../store/streams.ts";

/** The most that one message carries; beyond it, listeners are told the head and read the store. */
export const announceLimits = { rows: 256, bytes: 256 << 10 } as const;

interface Gathering {
  readonly rows: Row[];
  readonly acceptedAt: number;
  bytes: number;
  /** Where the newest row with each collapse key is; most streams have none. */
  collapsible: Map<string, number> | null;
}

/** As the store does in the same commit: of several with one collapse key, all but the newest are tombstones. */
function collapse(gathering: Gathering, collapseKey: string): void {
  gathering.collapsible ??= new Map();
  const at = gathering.collapsible.get(collapseKey);
  gathering.collapsible.set(collapseKey, gathering.rows.length);
  if (at === undefined) return;
  const { seq, expiresAt, receipt } = gathering.rows[at]!;
  gathering.rows[at] = { seq, kind: Kind.tombstone, expiresAt, receipt, body: null };
}

function toMessage(
  stream: StreamName,
  { rows, acceptedAt, bytes }: Gathering,
  committedAt: number,
): BusMessage {
  const head = rows[rows.length - 1]!.seq;
  const contiguous = head - rows[0]!.seq + 1 === rows.length;
  const carried = contiguous && rows.length <= announceLimits.rows && bytes <= announceLimits.bytes;
  return carried ? { type: "rows", stream, rows, acceptedAt, committedAt } : { type: "head", stream, head };
}

/** What the bus is told of a committed batch: one message for each stream that grew. */
export function announce(
  records: readonly LogRecord[],
  outcomes: readonly Outcome[],
  committedAt: number,
): BusMessage[] {
  const grown = new Map<StreamName, Gathering>();
  for (let at = 0; at < records.length; at++) {
    const outcome = outcomes[at]!;
    if (outcome.status !== "stored") continue;
    const record = records[at]!;
    let gathering = grown.get(record.stream);
    if (!gathering) {
      gathering = { rows: [], acceptedAt: record.acceptedAt, bytes: 0, collapsible: null };
      grown.set(record.stream, gathering);
    }
    if (record.collapseKey !== null) collapse(gathering, record.collapseKey);
    gathering.rows.push({
      seq: outcome.seq,
      kind: record.silent ? Kind.silent : Kind.counted,
      expiresAt: record.expiresAt,
      receipt: record.receipt,
      body: record.body,
    });
    gathering.bytes += Buffer.byteLength(record.body);
  }
  return Array.from(grown, ([stream, gathering]) => toMessage(stream, gathering, committedAt));
}
