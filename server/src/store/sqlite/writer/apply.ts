import { type PackedBatch, type PackedOutcomes, receiptFlag, Status } from "../batch.ts";
import type { Writing } from "./writing.ts";

const tombstone = 2;

export function makeApply({ db, streams, identities, now }: Writing): (batch: PackedBatch) => PackedOutcomes {
  const insert = db.prepare(
    `INSERT INTO notifications(id, stream_id, seq, kind, created_at, receipt, expires_at, collapse_key, key, digest, body, author)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const collapse = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL
     WHERE stream_id = ? AND collapse_key = ? AND kind <> ${tombstone}`,
  );
  const next = db.prepare("SELECT next FROM log_progress WHERE part = ?");
  const move = db.prepare(
    "INSERT INTO log_progress(part, next) VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET next = excluded.next",
  );
  const reject = db.prepare(
    "INSERT INTO rejected(part, log_offset, reason, record, created_at) VALUES (?, ?, ?, ?, ?)",
  );

  const takePart = ({ part, progress }: PackedBatch): boolean => {
    if (!progress) return true;
    const known = next.get(part) as { next: string } | undefined;
    if ((known?.next ?? "0") !== progress.from) return false;
    move.run(part, progress.to);
    return true;
  };

  return (batch) => {
    if (!takePart(batch)) return { owned: false, codes: [], seqs: [] };
    const at = now();
    const { streams: names, keys, digests, flags, bodies } = batch;
    const codes: number[] = [];
    const seqs: number[] = [];
    for (let i = 0; i < names.length; i++) {
      const stream = streams.ensure(names[i]!);
      const key = keys[i]!;
      const acceptedAt = batch.accepted?.[i] ?? Number.POSITIVE_INFINITY;
      if (stream.closed || acceptedAt < stream.fencedAt) {
        codes.push(Status.closed);
        seqs.push(0);
        continue;
      }
      const known = identities.find(stream.id, key, at);
      if (known) {
        codes.push(known.digest === digests[i] ? Status.duplicate : Status.conflict);
        seqs.push(known.seq);
        continue;
      }
      const collapseKey = batch.collapse?.[i] ?? null;
      if (collapseKey !== null) collapse.run(stream.id, collapseKey);
      const seq = stream.head + 1;
      const flag = flags[i]!;
      const kind = flag & ~receiptFlag;
      const receipt = flag & receiptFlag ? 1 : 0;
      const expiresAt = batch.expires?.[i] ?? null;
      const id = identities.claim(at);
      insert.run(
        id,
        stream.id,
        seq,
        kind,
        at,
        receipt,
        expiresAt,
        collapseKey,
        key,
        digests[i]!,
        bodies[i]!,
        batch.authors?.[i] ?? null,
      );
      stream.head = seq;
      codes.push(Status.stored);
      seqs.push(seq);
    }
    for (const { offset, reason, record } of batch.rejected)
      reject.run(batch.part, offset, reason, record, at);
    return { owned: true, codes, seqs };
  };
}
