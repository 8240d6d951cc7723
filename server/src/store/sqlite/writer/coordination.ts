import type { Writing } from "./writing.ts";

export function makeCoordinationWrites({ db, now }: Writing) {
  const fact = db.prepare("SELECT value FROM facts WHERE name = ?");
  const keep = db.prepare("INSERT OR IGNORE INTO facts(name, value) VALUES (?, ?)");
  const replace = db.prepare("INSERT OR REPLACE INTO facts(name, value) VALUES (?, ?)");
  const claim = db.prepare(
    `INSERT INTO leases(name, owner, until) VALUES (?1, ?2, ?3)
     ON CONFLICT (name) DO UPDATE SET owner = ?2, until = ?3 WHERE owner = ?2 OR until <= ?4`,
  );
  const release = db.prepare("DELETE FROM leases WHERE name = ? AND owner = ?");
  const raiseEpoch = db.prepare("UPDATE meta SET epoch = epoch + 1 RETURNING epoch");
  const setNext = db.prepare("INSERT OR REPLACE INTO log_progress(part, next) VALUES (?, ?)");

  return {
    agree(name: string, value: string): string {
      keep.run(name, value);
      return (fact.get(name) as { value: string }).value;
    },
    amend: (name: string, value: string): void => void replace.run(name, value),

    claim(owner: string, names: readonly string[], ttlMs: number): readonly string[] {
      const at = now();
      return [...new Set(names)].filter((name) => claim.run(name, owner, at + ttlMs, at).changes === 1);
    },
    release(owner: string, names: readonly string[]): void {
      for (const name of names) release.run(name, owner);
    },

    beginEpoch: (): number => (raiseEpoch.get() as { epoch: number }).epoch,
    setProgress: (part: number, next: string): void => void setNext.run(part, next),
  };
}
