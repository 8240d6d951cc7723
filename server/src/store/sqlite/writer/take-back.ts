import type { Found, StreamsDriver } from "../../streams.ts";
import type { Writing } from "./writing.ts";

const tombstone = 2;

type Row = Pick<Found, "kind" | "createdAt" | "expiresAt"> & { readonly receipt: number };

/** Finds and takes back by identity; trims. */
export function makeTakeBack({ db, streams, identities, now }: Writing) {
  const select = db.prepare(
    `SELECT kind, receipt, created_at AS createdAt, expires_at AS expiresAt
     FROM notifications WHERE id = ?`,
  );
  const bury = db.prepare(`UPDATE notifications SET kind = ${tombstone}, body = NULL WHERE id = ?`);

  const locate = (name: string, key: string) => {
    const stream = streams.find(name);
    const identity = stream && identities.find(stream.id, key, now());
    if (!identity || identity.seq <= stream.trimmed) return null;
    const row = select.get(identity.id) as Row | undefined;
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
    bury.run(identity.id);
    return { seq: identity.seq, rev: streams.raiseRev(stream) };
  };

  /** At once for every reader; the rows themselves go step by step. */
  const trim = (name: string, upTo: number): void => {
    const stream = streams.find(name);
    if (!stream) return;
    const trimmed = Math.min(upTo, stream.head);
    if (trimmed > stream.trimmed) streams.setTrimmed(stream, trimmed);
  };

  return { find, withdraw, trim };
}
