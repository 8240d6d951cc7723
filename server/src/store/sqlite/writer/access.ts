import {
  type ApiKey,
  placeOf,
  type Revocation,
  type RevocationBounds,
  type RevocationPlace,
} from "../../access.ts";
import type { Writing } from "./writing.ts";

export function makeAccessWrites({ db, now }: Writing) {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO api_keys(hash, name, scopes, sources, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const remove = db.prepare("DELETE FROM api_keys WHERE name = ?");
  const sweepRevocations = db.prepare("DELETE FROM revocations WHERE until <= ?");
  const isRevoked = db.prepare("SELECT 1 FROM revocations WHERE user = ? AND token_id = ?");
  const ofUser = db.prepare("SELECT count(*) AS count FROM revocations WHERE user = ?");
  const inAll = db.prepare("SELECT count(*) AS count FROM revocations");
  const revoke = db.prepare(
    `INSERT INTO revocations(user, token_id, issued_before, until) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       issued_before = max(issued_before, excluded.issued_before), until = max(until, excluded.until)
     RETURNING issued_before AS issuedBefore, until`,
  );
  const unrevoke = db.prepare("DELETE FROM revocations WHERE user = ? AND token_id = ? AND until > ?");
  const sweepTickets = db.prepare("DELETE FROM used_tickets WHERE until <= ?");
  const ticket = db.prepare("INSERT OR IGNORE INTO used_tickets(id, until) VALUES (?, ?)");
  const countOf = (row: unknown): number => (row as { count: number }).count;

  return {
    addKey({ hash, name, scopes, sources, createdAt, expiresAt }: ApiKey): boolean {
      const scopesJson = JSON.stringify(scopes);
      return insert.run(hash, name, scopesJson, JSON.stringify(sources), createdAt, expiresAt).changes === 1;
    },
    revoke(revocation: Revocation, { perUser, total }: RevocationBounds): Revocation | null {
      const { user, tokenId, issuedBefore, until } = revocation;
      const place = placeOf(revocation);
      sweepRevocations.run(now());
      if (isRevoked.get(...place) === undefined) {
        if (countOf(ofUser.get(place[0])) >= perUser || countOf(inAll.get()) >= total) return null;
      }
      const kept = revoke.get(...place, issuedBefore, until) as Pick<Revocation, "issuedBefore" | "until">;
      return { user, tokenId, issuedBefore: kept.issuedBefore, until: kept.until };
    },
    unrevoke: (place: RevocationPlace): boolean => unrevoke.run(...placeOf(place), now()).changes === 1,
    useTicket(id: string, until: number): boolean {
      sweepTickets.run(now());
      return ticket.run(id, until).changes === 1;
    },
    removeKey: (name: string): boolean => remove.run(name).changes === 1,
  };
}
