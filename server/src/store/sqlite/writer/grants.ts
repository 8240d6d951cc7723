import type { Only } from "../../directory.ts";
import { idOf } from "./topic-id.ts";
import type { Writing } from "./writing.ts";

export function makeGrantWrites({ db, now }: Writing) {
  const find = idOf(db);
  const there = db.prepare("SELECT 1 FROM grants WHERE topic_id = ? AND user = ?");
  const count = db.prepare("SELECT count(*) AS count FROM grants WHERE topic_id = ?");
  const insert = db.prepare("INSERT INTO grants(topic_id, user, created_at) VALUES (?, ?, ?)");
  const remove = db.prepare("DELETE FROM grants WHERE topic_id = ? AND user = ?");

  return {
    grant(topic: string, user: string, most: number, only: Only | null): "made" | "there" | "full" | null {
      const id = find(topic, only);
      if (id === null) return null;
      if (there.get(id, user)) return "there";
      if ((count.get(id) as { count: number }).count >= most) return "full";
      insert.run(id, user, Math.floor(now()));
      return "made";
    },

    withdrawGrant(topic: string, user: string, only: Only | null): boolean {
      const id = find(topic, only);
      return id !== null && Number(remove.run(id, user).changes) === 1;
    },
  };
}
