import type { Found, StreamsDriver } from "../../streams.ts";
import type { Writing } from "./writing.ts";

const tombstone = 2;

type Row = Pick<Found, "kind" | "createdAt" | "expiresAt"> & { readonly receipt: number };

/** Finds and takes back by identity; trims. */
export function makeTakeBack({ db, streams, identities, now }: Writing) {
  const select = db.prepare(
    `SELECT kind, receipt, created_at AS createdAt, expires_at AS expiresAt
     FROM notifications WHERE stream_id = ? AND seq = ?`,
  );
  const bury = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL WHERE stream_id = ? AND seq = ?`,
  );
  const remember = db.prepare("INSERT OR IGNORE INTO trims(stream_id) VALUES (?)");

  const locate = (name: string, key: string) => {
    const stream = streams.find(name);
    const identity = stream && identities.find(stream.id, key, now());
    if (!identity || identity.seq <= stream.trimmed) return null;
    const row = select.get(stream.id, identity.seq) as Row | undefined;
    return row ? { stream, identity, row } : null;
  };

  const find = (name: string, key: string): Found | null => {
    const located = locate(name, key);
    if (!located) return null;
    const { identity, row } = located;
    return { ...row, seq: identity.seq, digest: identity.digest, receipt: row.receipt === 1 };
  };

  const withdraw = (name: string, key: string): Awaited<ReturnType<StreamsDriver["withdraw"]>> => {
    const located = locate(name, key);
    if (!located) return null;
    const { stream, identity, row } = located;
    if (row.kind === tombstone) return { seq: identity.seq, rev: stream.rev };
    bury.run(stream.id, identity.seq);
    return { seq: identity.seq, rev: streams.raiseRev(stream) };
  };

  /** At once for every reader; the rows themselves go step by step. */
  const trim = (name: string, upTo: number): void => {
    const stream = streams.find(name);
    if (!stream) return;
    const trimmed = Math.min(upTo, stream.head);
    if (trimmed <= stream.trimmed) return;
    streams.setTrimmed(stream, trimmed);
    remember.run(stream.id);
  };

  return { find, withdraw, trim };
}
