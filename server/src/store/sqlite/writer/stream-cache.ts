import type { DatabaseSync } from "node:sqlite";
import { isTopicStream, ownerOf, type StreamName } from "@carillon/protocol/stream";
import { hashOfUser } from "../../erasing.ts";

export interface StreamState {
  readonly id: number;
  head: number;
  trimmed: number;
  rev: number;
  closed: boolean;
  /** Records accepted before were for somebody who was erased. */
  readonly fencedAt: number;
}

/**
 * Streams as the transaction under way sees them. Known to the writer alone: everybody else reads what is
 * committed. `forget` after a rollback, and all is read again.
 */
export interface StreamCache {
  find(name: string): StreamState | undefined;
  ensure(name: string): StreamState;
  raiseRev(state: StreamState): number;
  /** At once for every reader; upkeep removes the rows. */
  setTrimmed(state: StreamState, trimmed: number): void;
  /** As `setTrimmed`, of a stream by its number, never back; whoever calls removes the rows. */
  trimTo(id: number, trimmed: number): void;
  setClosed(state: StreamState, closed: boolean): void;
  /** Nobody finds it by its old name any more; one that is made of that name is another. */
  rename(state: StreamState, from: string, to: string): void;
  forget(): void;
}

const never = Number.NEGATIVE_INFINITY;

export function makeStreamCache(db: DatabaseSync, most: number): StreamCache {
  const states = new Map<string, StreamState>();
  const select = db.prepare(
    `SELECT id, trimmed, rev, closed, fenced_at AS fencedAt,
       (SELECT max(seq) FROM notifications WHERE stream_id = streams.id) AS newest
     FROM streams WHERE name = ?`,
  );
  const insert = db.prepare("INSERT INTO streams(name, trimmed, rev, fenced_at) VALUES (?, ?, ?, ?)");
  const erasure = db.prepare("SELECT at, head, rev FROM erasures WHERE hash = ?");
  const updateName = db.prepare("UPDATE streams SET name = ? WHERE id = ?");
  const updateRev = db.prepare("UPDATE streams SET rev = ? WHERE id = ?");
  const updateTrimmed = db.prepare("UPDATE streams SET trimmed = ? WHERE id = ?");
  const rememberTrim = db.prepare(
    `INSERT INTO trims(stream_id, due_at, buried) VALUES (?, 0, 0)
     ON CONFLICT (stream_id) DO UPDATE SET due_at = 0`,
  );
  const raiseTrimmed = db.prepare(
    "UPDATE streams SET trimmed = ?1 WHERE id = ?2 AND trimmed < ?1 RETURNING name",
  );
  const updateClosed = db.prepare("UPDATE streams SET closed = ? WHERE id = ?");

  const keep = (name: string, state: StreamState): StreamState => {
    if (states.size >= most) states.delete(states.keys().next().value!);
    states.set(name, state);
    return state;
  };

  const find = (name: string): StreamState | undefined => {
    const known = states.get(name);
    if (known) return known;
    const row = select.get(name) as
      | {
          id: number;
          trimmed: number;
          rev: number;
          closed: number;
          fencedAt: number | null;
          newest: number | null;
        }
      | undefined;
    if (!row) return undefined;
    const { id, trimmed, rev, newest } = row;
    const fencedAt = row.fencedAt ?? never;
    return keep(name, {
      id,
      head: Math.max(trimmed, newest ?? 0),
      trimmed,
      rev,
      closed: row.closed === 1,
      fencedAt,
    });
  };

  /** Of a user who was erased, the seqs go on. */
  const make = (name: string): StreamState => {
    const before = (
      isTopicStream(name as StreamName) ? undefined : erasure.get(hashOfUser(ownerOf(name as StreamName)))
    ) as { at: number; head: number; rev: number } | undefined;
    const { head, rev, at } = before ?? { head: 0, rev: 0, at: null };
    const id = Number(insert.run(name, head, rev, at).lastInsertRowid);
    return keep(name, { id, head, trimmed: head, rev, closed: false, fencedAt: at ?? never });
  };

  return {
    find,
    ensure: (name) => find(name) ?? make(name),
    raiseRev(state) {
      state.rev += 1;
      updateRev.run(state.rev, state.id);
      return state.rev;
    },
    /** At once for every reader; upkeep removes the rows. */
    setTrimmed(state, trimmed) {
      state.trimmed = trimmed;
      updateTrimmed.run(trimmed, state.id);
      rememberTrim.run(state.id);
    },
    trimTo(id, trimmed) {
      const row = raiseTrimmed.get(trimmed, id) as { name: string } | undefined;
      const known = row && states.get(row.name);
      if (known) known.trimmed = trimmed;
    },
    setClosed(state, closed) {
      state.closed = closed;
      updateClosed.run(closed ? 1 : 0, state.id);
    },
    rename(state, from, to) {
      states.delete(from);
      updateName.run(to, state.id);
      keep(to, state);
    },
    forget: () => states.clear(),
  };
}
