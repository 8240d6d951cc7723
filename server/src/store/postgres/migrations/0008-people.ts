/**
 * What the application keeps about a user, on the server of the user's stream; a write names the version before it. And
 * the erasing of users. An erasure is kept by a hash of the id, on the server where the user's stream was, and `part` says
 * of which part: from when it is, and where the seqs of a new stream of that name go on. The id itself stays until all is
 * done.
 */

/** What `carillon_apply` doesn't say yet, and the same with the fence; no text of it is said twice. */
const fenced = [
  ["closed_ones boolean[];", "closed_ones boolean[];\n  fences bigint[];"],
  [
    "array_agg(s.closed ORDER BY n.ord)\n    INTO ids, heads, closed_ones",
    "array_agg(s.closed ORDER BY n.ord),\n      array_agg(s.fenced_at ORDER BY n.ord)\n    INTO ids, heads, closed_ones, fences",
  ],
  [
    "WHEN closed_ones[r.st] THEN 3",
    "WHEN closed_ones[r.st] OR coalesce(r.named_at < fences[r.st], false) THEN 3",
  ],
  [
    "PARTITION BY r.st, known.seq IS NULL ORDER",
    "PARTITION BY r.st, known.seq IS NULL AND coalesce(r.named_at >= fences[r.st], true) ORDER",
  ],
] as const;

const replaced = fenced.map(
  ([before, after]) => `
  IF position($old$${before}$old$ IN body) = 0 THEN
    RAISE EXCEPTION 'carillon_apply is another';
  END IF;
  body := replace(body, $old$${before}$old$, $new$${after}$new$);`,
);

export const sql = `
CREATE TABLE user_state(
  user_id bigint PRIMARY KEY,
  version bigint NOT NULL,
  state text NOT NULL -- JSON
) WITH (fillfactor = 70);

-- Null where the version is another by now. Two who make the first one meet at the stream's row.
CREATE FUNCTION carillon_put_state(in_part integer, in_name text, in_state text, in_version bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  own bigint;
  raised bigint;
BEGIN
  PERFORM carillon_may_write(ARRAY[in_part]);
  INSERT INTO streams(name, part) VALUES (in_name, in_part) ON CONFLICT (name) DO NOTHING;
  SELECT s.id INTO own FROM streams s WHERE s.name = in_name FOR NO KEY UPDATE;
  IF coalesce((SELECT u.version FROM user_state u WHERE u.user_id = own), 0) <> in_version THEN
    RETURN NULL;
  END IF;
  INSERT INTO user_state(user_id, version, state) VALUES (own, in_version + 1, in_state)
    ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, state = excluded.state;
  UPDATE streams s SET rev = s.rev + 1 WHERE s.id = own RETURNING s.rev INTO raised;
  RETURN raised;
END $$;

CREATE TABLE erasures(
  hash text COLLATE "C" PRIMARY KEY,
  part integer NOT NULL,
  user_name text COLLATE "C", -- null: it is done
  topics_to text COLLATE "C",
  at bigint NOT NULL,
  head bigint NOT NULL,
  rev bigint NOT NULL,
  until bigint NOT NULL
);
CREATE INDEX erasures_pending ON erasures(at) WHERE user_name IS NOT NULL;
CREATE INDEX erasures_until ON erasures(until);

-- Streams of erased users that have rows still: these go whatever their age.
CREATE TABLE erased_streams(
  stream_id bigint PRIMARY KEY
);

ALTER TABLE streams ADD COLUMN fenced_at bigint; -- records accepted before were for somebody who was erased
CREATE INDEX grants_user ON grants(user_name);
CREATE INDEX receipts_user ON receipts(user_name);
CREATE INDEX topics_of_owner ON topics(owner);

-- Whom of the users a notification is from, as its body says: the first unescaped source is that of the event.
CREATE FUNCTION carillon_author(body text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
  CASE WHEN strpos(left(body, 2048), '","source":"/users/') > 0
      AND strpos(body, '","source":"/users/') = strpos(body, '","source":"')
    THEN split_part(substr(left(body, 2400), strpos(body, '","source":"/users/') + 19), '"', 1) END;
CREATE INDEX notifications_author ON notifications(carillon_author(body)) WHERE carillon_author(body) IS NOT NULL;

CREATE FUNCTION carillon_hash_of(name text) RETURNS text LANGUAGE sql IMMUTABLE RETURN
  '#' || rtrim(translate(encode(sha256(convert_to(substr(name, 6), 'UTF8')), 'base64'), '+/', '-_'), '=');

-- Seqs and revs of an erased user's new stream go on where those of the old one ended, whoever makes it.
CREATE FUNCTION carillon_new_stream() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  known erasures;
BEGIN
  SELECT * INTO known FROM erasures WHERE hash = carillon_hash_of(NEW.name);
  IF FOUND THEN
    NEW.head := greatest(NEW.head, known.head);
    NEW.trimmed := greatest(NEW.trimmed, known.head);
    NEW.rev := greatest(NEW.rev, known.rev);
    NEW.fenced_at := known.at;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER carillon_new_stream BEFORE INSERT ON streams FOR EACH ROW
  WHEN (NEW.name LIKE 'user:%') EXECUTE FUNCTION carillon_new_stream();

DO $do$
DECLARE
  body text := pg_get_functiondef('carillon_apply'::regproc);
BEGIN${replaced.join("")}
  EXECUTE body;
END $do$;

-- All that is found by the user's stream or is small, in one commit. Whoever is writing to the part is waited for, and
-- whoever writes next finds no stream of that name: nothing is added to the old one behind its back.
CREATE FUNCTION carillon_begin_erasing(
  in_part integer, in_user text, in_hash text, in_new_name text, in_topics_to text, keep_ms bigint
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  begun bigint;
  own streams;
BEGIN
  PERFORM pg_advisory_xact_lock(1131572846, in_part);
  PERFORM carillon_may_write(ARRAY[in_part]);
  begun := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + 1;
  SELECT s.* INTO own FROM streams s WHERE s.name = 'user:' || in_user FOR UPDATE;
  DELETE FROM erasures e WHERE e.until <= begun AND e.user_name IS NULL;
  INSERT INTO erasures AS e(hash, part, user_name, topics_to, at, head, rev, until)
    VALUES (in_hash, in_part, in_user, in_topics_to, begun, coalesce(own.head, 0), coalesce(own.rev, 0) + 1, begun + keep_ms)
    ON CONFLICT (hash) DO UPDATE SET user_name = in_user, topics_to = in_topics_to, at = begun,
      head = greatest(e.head, excluded.head), rev = greatest(e.rev, excluded.rev), until = excluded.until;
  DELETE FROM devices WHERE user_name = in_user;
  IF own.id IS NULL THEN
    RETURN begun;
  END IF;
  UPDATE streams SET name = in_new_name, trimmed = head WHERE id = own.id;
  INSERT INTO erased_streams VALUES (own.id) ON CONFLICT DO NOTHING;
  INSERT INTO trims(stream_id, due_at, buried) VALUES (own.id, 0, 0) ON CONFLICT (stream_id) DO UPDATE SET due_at = 0;
  DELETE FROM marks WHERE user_id = own.id;
  DELETE FROM user_state WHERE user_id = own.id;
  WITH gone AS (DELETE FROM subscriptions WHERE user_id = own.id RETURNING topic_id, part)
  UPDATE topic_followers f SET count = f.count - 1 FROM gone WHERE f.topic_id = gone.topic_id AND f.part = gone.part;
  RETURN begun;
END $$;

-- What a server has of the user beside that: grants, receipts, topics that are gone, and, as tombstones, what they sent.
-- Of the parts that are here: what is being moved is left where it goes. The last row says how many receipts went and how
-- many parts are here: who asks all servers knows whether one was missed between two of them.
CREATE FUNCTION carillon_erase_of(in_user text, most integer)
RETURNS TABLE(stream text, seq bigint, rev bigint, touched bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  here integer[] := array(SELECT part FROM parts WHERE state = 'here');
  removed bigint;
  streams_of bigint[];
BEGIN
  PERFORM carillon_may_write(here);
  DELETE FROM grants WHERE user_name = in_user AND part = ANY (here);
  UPDATE topics SET owner = '' WHERE owner = 'user:' || in_user AND state = 'gone' AND part = ANY (here);
  DELETE FROM receipts WHERE id IN (
    SELECT r.id FROM receipts r JOIN streams s ON s.id = r.stream_id
    WHERE r.user_name = in_user AND s.part = ANY (here) LIMIT most);
  GET DIAGNOSTICS removed = ROW_COUNT;
  SELECT array_agg(DISTINCT n.stream_id) INTO streams_of FROM (
    SELECT o.stream_id FROM notifications o JOIN streams s ON s.id = o.stream_id
    WHERE carillon_author(o.body) = in_user AND s.part = ANY (here) LIMIT most) n;
  PERFORM FROM streams s WHERE s.id = ANY (streams_of) ORDER BY s.id FOR NO KEY UPDATE;
  RETURN QUERY
    WITH gone AS (
      UPDATE notifications n SET kind = 2, body = NULL, collapse_key = NULL
      FROM (SELECT o.stream_id, o.seq, o.created_at FROM notifications o
        WHERE carillon_author(o.body) = in_user AND o.stream_id = ANY (streams_of) LIMIT most) found
      WHERE n.stream_id = found.stream_id AND n.seq = found.seq AND n.created_at = found.created_at
      RETURNING n.stream_id, n.seq),
    raised AS (
      UPDATE streams s SET rev = s.rev + 1 FROM (SELECT DISTINCT stream_id FROM gone) g WHERE s.id = g.stream_id
      RETURNING s.id, s.name, s.rev)
    SELECT r.name, g.seq, r.rev, 1::bigint FROM gone g JOIN raised r ON r.id = g.stream_id;
  RETURN QUERY SELECT NULL::text, cardinality(here)::bigint, NULL::bigint, removed;
END $$;

-- Rows of erased users' streams; how many went.
CREATE FUNCTION carillon_clear_erased(most integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  remaining bigint := most;
  removed bigint;
  one bigint;
BEGIN
  PERFORM carillon_may_write(array(SELECT part FROM parts WHERE state = 'here'));
  WHILE remaining > 0 LOOP
    SELECT e.stream_id INTO one FROM erased_streams e JOIN streams s ON s.id = e.stream_id
      JOIN parts p ON p.part = s.part AND p.state = 'here' LIMIT 1 FOR UPDATE OF e SKIP LOCKED;
    EXIT WHEN NOT FOUND;
    DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE stream_id = one LIMIT remaining);
    GET DIAGNOSTICS removed = ROW_COUNT;
    remaining := remaining - removed;
    EXIT WHEN remaining <= 0;
    DELETE FROM notifications n USING (
      SELECT o.seq, o.created_at FROM notifications o WHERE o.stream_id = one ORDER BY o.seq LIMIT remaining
    ) old WHERE n.stream_id = one AND n.seq = old.seq AND n.created_at = old.created_at;
    GET DIAGNOSTICS removed = ROW_COUNT;
    remaining := remaining - removed;
    EXIT WHEN remaining <= 0;
    DELETE FROM trims WHERE stream_id = one;
    DELETE FROM erased_streams WHERE stream_id = one;
  END LOOP;
  RETURN most - remaining;
END $$;
`;
