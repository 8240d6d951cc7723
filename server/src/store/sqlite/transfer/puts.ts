import type { DatabaseSync } from "node:sqlite";
import { topicStream, userStream } from "@carillon/protocol/stream";
import { placeOf } from "../../access.ts";
import { authorOf } from "../../erasing.ts";
import { markCodes } from "../../marks.ts";
import type { Copies, CopyKind } from "../../transfer.ts";

/** Streams whose number is known without asking. */
const known = 200_000;

export function makePuts(db: DatabaseSync) {
  const insert = (into: string, values: number) =>
    db.prepare(
      `INSERT INTO ${into} VALUES (${Array.from({ length: values }, () => "?").join(", ")}) ON CONFLICT DO NOTHING`,
    );
  const stream = insert("streams(name, trimmed, rev, closed)", 4);
  const trim = insert("trims(stream_id, due_at, buried)", 3);
  const key = insert("api_keys(hash, name, scopes, sources, created_at, expires_at)", 6);
  const revocation = insert("revocations(user, token_id, issued_before, until)", 4);
  const topic = insert("topics(stream_id, name, owner, created_at, subscribe, publish, active, keep_ms)", 8);
  const grant = insert("grants(topic_id, user, created_at)", 3);
  const subscription = insert("subscriptions(topic_id, user, since)", 3);
  const mark = insert("marks(user_id, stream_id, kind, up_to, excepted)", 5);
  const device = insert("devices(user_id, device, cursor, seen)", 4);
  const state = insert("user_state(user_id, version, state)", 3);
  const erasure = insert("erasures(hash, user, topics_to, at, head, rev, until)", 7);
  const receipt = insert("receipts(stream_id, seq, user, created_at)", 4);
  const notification = insert(
    "notifications(stream_id, seq, kind, receipt, created_at, expires_at, collapse_key, key, digest, body, author)",
    11,
  );
  const idByName = db.prepare("SELECT id FROM streams WHERE name = ?");
  const ids = new Map<string, number>();

  /** A stream that says nothing was not put, and is made when something names it. */
  const idOf = (name: string): number => {
    const there = ids.get(name);
    if (there !== undefined) return there;
    const row = idByName.get(name) as { id: number } | undefined;
    const id = row?.id ?? Number(stream.run(name, 0, 0, 0).lastInsertRowid);
    if (ids.size >= known) ids.delete(ids.keys().next().value!);
    ids.set(name, id);
    return id;
  };

  const puts: { readonly [K in CopyKind]: (copy: Copies[K]) => void } = {
    keys: ({ hash, name, scopes, sources, createdAt, expiresAt }) =>
      void key.run(hash, name, JSON.stringify(scopes), JSON.stringify(sources), createdAt, expiresAt),
    revocations: (copy) => void revocation.run(...placeOf(copy), copy.issuedBefore, copy.until),
    streams(copy) {
      stream.run(copy.name, copy.trimmed, copy.rev, copy.closed ? 1 : 0);
      if (copy.trim !== null) trim.run(idOf(copy.name), copy.trim.dueAt, copy.trim.buried);
    },
    topics({ topic: name, owner, createdAt, subscribe, publish, active, keepMs }) {
      const at = idOf(topicStream(name));
      topic.run(at, name, owner, createdAt, subscribe, publish, active ? 1 : 0, keepMs);
    },
    grants: (copy) => void grant.run(idOf(topicStream(copy.topic)), copy.user, copy.createdAt),
    subscriptions: (copy) => void subscription.run(idOf(topicStream(copy.topic)), copy.user, copy.since),
    marks({ user, stream, kind, upTo, except }) {
      const excepted = JSON.stringify(except);
      mark.run(idOf(userStream(user)), idOf(stream), markCodes[kind], upTo, excepted);
    },
    devices: (copy) => void device.run(idOf(userStream(copy.user)), copy.device, copy.cursor, copy.seen),
    states: (copy) => void state.run(idOf(userStream(copy.user)), copy.version, copy.state),
    erasures: ({ hash, user, topicsTo, at, head, rev, until }) =>
      void erasure.run(hash, user, topicsTo, at, head, rev, until),
    receipts: (copy) => void receipt.run(idOf(copy.stream), copy.seq, copy.user, copy.at),
    notifications(copy) {
      const { seq, kind, createdAt, expiresAt, collapseKey, key: name, digest, body } = copy;
      const at = idOf(copy.stream);
      const flag = copy.receipt ? 1 : 0;
      const author = body === null ? null : authorOf(body);
      notification.run(at, seq, kind, flag, createdAt, expiresAt, collapseKey, name, digest, body, author);
    },
  };

  return <K extends CopyKind>(kind: K, copies: readonly Copies[K][]): void => {
    const put = puts[kind];
    db.exec("BEGIN IMMEDIATE");
    try {
      for (const copy of copies) put(copy);
      db.exec("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      ids.clear();
      throw error;
    }
  };
}
