/** What PostgreSQL itself saw of progress through the log, and what it has in the end. */
import { ask } from "../store/postgres-stage.ts";

/** From now on each move of a part's progress that goes not forwards is kept. */
export async function watchProgress(url: string): Promise<void> {
  await ask(
    url,
    `CREATE TABLE IF NOT EXISTS test_fallen(part integer, was text, now text);
     CREATE OR REPLACE FUNCTION test_progress() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF new.next::numeric <= old.next::numeric THEN
         INSERT INTO test_fallen VALUES (new.part, old.next, new.next);
       END IF;
       RETURN new;
     END $$;
     CREATE OR REPLACE TRIGGER test_progress BEFORE UPDATE ON log_progress
       FOR EACH ROW EXECUTE FUNCTION test_progress()`,
  );
}

/** Moves that were no moves forwards, and streams whose rows aren't 1 to head, each once. */
export async function whatIsWrong(url: string): Promise<readonly object[]> {
  return [
    ...(await ask<object>(url, "SELECT * FROM test_fallen")),
    ...(await ask<object>(
      url,
      `SELECT s.name, s.head, r.rows, r.first, r.last FROM streams s
       CROSS JOIN LATERAL (
         SELECT count(*) AS rows, count(DISTINCT seq) AS seqs, min(seq) AS first, max(seq) AS last
         FROM notifications n WHERE n.stream_id = s.id
       ) r WHERE s.head > 0 AND (r.rows <> s.head OR r.seqs <> s.head OR r.last <> s.head)`,
    )),
  ];
}
