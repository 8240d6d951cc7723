import { counting } from "./counting.ts";
import { keptPlans } from "./kept-plans.ts";

/**
 * What belongs to a user is on the server of the user's stream; a topic's row, its grants and the receipts of a stream are on the
 * server of that stream; keys are at home. A stream's id says the same on all servers, so that a subscription and a
 * mark name a topic by it wherever the topic is. `part` is of the stream that decides where a row is.
 */
/** OFFSET keeps the planner from reading all of a user's marks for each stream, to look at the streams then. */
const markOf = (as: string, kind: number): string => `
    LEFT JOIN LATERAL (
      SELECT m.up_to, m.excepted FROM marks m
      WHERE m.user_id = own.id AND m.stream_id = f.id AND m.kind = ${kind} OFFSET 0) ${as} ON true`;

/** How users stand in the streams that they follow. */
const standing = `
  SELECT asked.name, own.rev, f.topic, f.id, f.since, r.up_to AS read_up_to, r.excepted AS read_excepted,
    a.up_to AS archive_up_to, a.excepted AS archive_excepted, e.up_to AS seen_up_to
  FROM unnest(names) AS asked(name) LEFT JOIN streams own ON own.name = asked.name
    CROSS JOIN LATERAL (
      SELECT NULL AS topic, own.id, 0::bigint AS since
      UNION ALL SELECT b.topic, b.topic_id, b.since FROM subscriptions b WHERE b.user_id = own.id) f
    ${markOf("r", 0)} ${markOf("a", 1)} ${markOf("e", 2)}`;

export const sql = `
CREATE TABLE topics(
  topic_id bigint PRIMARY KEY,
  part integer NOT NULL,
  name text COLLATE "C" NOT NULL UNIQUE,
  owner text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  generation integer NOT NULL, -- how often the topic was made
  state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'closing', 'gone')),
  subscribe text COLLATE "C" NOT NULL CHECK (subscribe IN ('open', 'closed')),
  publish text COLLATE "C" NOT NULL CHECK (publish IN ('granted', 'subscribers')),
  active boolean NOT NULL,
  keep_ms bigint
);
CREATE INDEX topics_listed ON topics(name) WHERE state <> 'gone';
CREATE INDEX topics_owned ON topics(owner, name) WHERE state <> 'gone';

-- On the topic's server.
CREATE TABLE grants(
  topic_id bigint NOT NULL,
  part integer NOT NULL, -- the topic's
  user_name text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (topic_id, user_name)
);

CREATE TABLE subscriptions(
  topic_id bigint NOT NULL,
  user_id bigint NOT NULL,
  since bigint NOT NULL,
  generation integer NOT NULL,
  part integer NOT NULL, -- the user's
  topic text COLLATE "C" NOT NULL,
  user_name text COLLATE "C" NOT NULL,
  PRIMARY KEY (topic, user_name)
);
CREATE INDEX subscriptions_user ON subscriptions(user_id, topic);

-- On every server: up to which generation a topic's subscriptions are deleted. Goes with every part that is moved.
CREATE TABLE topic_ends(
  topic_id bigint PRIMARY KEY,
  generation integer NOT NULL
);

-- How many users of a part follow a topic: a row a part, so that those who subscribe at the same time seldom meet.
CREATE TABLE topic_followers(
  topic_id bigint NOT NULL,
  part integer NOT NULL, -- the users'
  count bigint NOT NULL,
  PRIMARY KEY (topic_id, part)
) WITH (fillfactor = 70);

CREATE TABLE devices(
  user_name text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  part integer NOT NULL,
  seen bigint NOT NULL, -- larger than those of the user's devices that were saved before
  cursor text COLLATE "C" NOT NULL,
  PRIMARY KEY (user_name, device)
) WITH (fillfactor = 70);

-- What users have marked, by kind (0 read, 1 archived, 2 seen): a place, and in ascending order the single seqs that
-- differ from it. A write names the version that it was made from.
CREATE TABLE marks(
  user_id bigint NOT NULL,
  stream_id bigint NOT NULL,
  kind smallint NOT NULL,
  version integer NOT NULL,
  up_to bigint NOT NULL,
  excepted bigint[] NOT NULL,
  PRIMARY KEY (user_id, stream_id, kind)
) WITH (fillfactor = 70);

-- For every query that asks what a user has marked: join the marks, null where there is none, and ask this.
CREATE FUNCTION carillon_is_marked(up_to bigint, excepted bigint[], seq bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((seq <= up_to) <> (seq = ANY (excepted)), false);

CREATE TABLE receipts(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream_id bigint NOT NULL,
  seq bigint NOT NULL,
  created_at bigint NOT NULL,
  user_name text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX receipts_reader ON receipts(stream_id, user_name, seq);
CREATE INDEX receipts_place ON receipts(stream_id, seq);

CREATE TABLE api_keys(
  hash text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  scopes text NOT NULL, -- JSON
  sources text NOT NULL, -- JSON
  created_at bigint NOT NULL,
  expires_at bigint
);

-- At home, as keys are. Everybody's has the user *, one by time an empty token_id.
CREATE TABLE revocations(
  user_name text COLLATE "C" NOT NULL,
  token_id text COLLATE "C" NOT NULL,
  issued_before bigint,
  until bigint NOT NULL,
  PRIMARY KEY (user_name, token_id)
);
CREATE INDEX revocations_until ON revocations(until);

CREATE TABLE used_tickets(
  id text COLLATE "C" PRIMARY KEY,
  until bigint NOT NULL
);
CREATE INDEX used_tickets_until ON used_tickets(until);

-- One at a time, so that two don't both become the last one allowed. Null: there are as many as allowed.
CREATE FUNCTION carillon_revoke(
  in_user text, in_token text, in_before bigint, in_until bigint, most_of_user bigint, most bigint
) RETURNS TABLE(issued_before bigint, until bigint)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  at bigint := carillon_now();
BEGIN
  PERFORM pg_advisory_xact_lock(1131572846, -2);
  DELETE FROM revocations r WHERE r.until <= at;
  IF NOT EXISTS (SELECT FROM revocations r WHERE r.user_name = in_user AND r.token_id = in_token)
    AND ((SELECT count(*) FROM revocations r WHERE r.user_name = in_user) >= most_of_user
      OR (SELECT count(*) FROM revocations r) >= most) THEN
    RETURN;
  END IF;
  RETURN QUERY
    INSERT INTO revocations AS kept(user_name, token_id, issued_before, until)
    VALUES (in_user, in_token, in_before, in_until)
    ON CONFLICT (user_name, token_id) DO UPDATE SET
      issued_before = greatest(kept.issued_before, excluded.issued_before),
      until = greatest(kept.until, excluded.until)
    RETURNING kept.issued_before, kept.until;
END $$;

-- What users follow, their own stream first, and how much of it counts up to its head. Single marks as text of arrays.
CREATE FUNCTION carillon_unread(names text[], name_parts integer[])
RETURNS TABLE(name text, epoch integer, rev bigint, topic text, read_up_to bigint, read_excepted text,
  archive_up_to bigint, archive_excepted text, head bigint, count bigint, unseen bigint)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
DECLARE
  at bigint := carillon_now();
BEGIN
  PERFORM carillon_may_read(name_parts);
  RETURN QUERY
    SELECT w.name, (SELECT m.epoch FROM meta m), coalesce(w.rev, 0), w.topic,
      coalesce(w.read_up_to, 0), coalesce(w.read_excepted::text, '{}'),
      coalesce(w.archive_up_to, 0), coalesce(w.archive_excepted::text, '{}'),
      coalesce(c.head, 0), coalesce(c.count, 0)::bigint, coalesce(c.unseen, 0)::bigint
    FROM (${standing}) w
      LEFT JOIN LATERAL (SELECT s.head, c.count, c.unseen FROM streams s ${counting} WHERE s.id = w.id) c ON true
    ORDER BY w.topic NULLS FIRST;
END $$;

-- The same without counting, for those whose streams may be on other servers.
CREATE FUNCTION carillon_standings(names text[], name_parts integer[])
RETURNS TABLE(name text, epoch integer, rev bigint, topic text, id bigint, since bigint, read_up_to bigint,
  read_excepted text, archive_up_to bigint, archive_excepted text, seen_up_to bigint)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
BEGIN
  PERFORM carillon_may_read(name_parts);
  RETURN QUERY
    SELECT w.name, (SELECT m.epoch FROM meta m), coalesce(w.rev, 0), w.topic, w.id, w.since,
      coalesce(w.read_up_to, 0), coalesce(w.read_excepted::text, '{}'),
      coalesce(w.archive_up_to, 0), coalesce(w.archive_excepted::text, '{}'), coalesce(w.seen_up_to, 0)
    FROM (${standing}) w;
END $$;

-- And the counts of streams by their ids, for users of other servers.
CREATE FUNCTION carillon_counts(ids bigint[], sinces bigint[], read_up_tos bigint[], read_excepts text[],
  archive_up_tos bigint[], archive_excepts text[], seen_up_tos bigint[], id_parts integer[])
RETURNS TABLE(place bigint, head bigint, count bigint, unseen bigint)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
DECLARE
  at bigint := carillon_now();
BEGIN
  PERFORM carillon_may_read(id_parts);
  RETURN QUERY
    SELECT w.place, s.head, c.count::bigint, c.unseen::bigint
    FROM (
      SELECT u.id, u.since, u.read_up_to, u.read_excepted::bigint[] AS read_excepted,
        u.archive_up_to, u.archive_excepted::bigint[] AS archive_excepted, u.seen_up_to, u.place
      FROM unnest(ids, sinces, read_up_tos, read_excepts, archive_up_tos, archive_excepts, seen_up_tos) WITH ORDINALITY
        AS u(id, since, read_up_to, read_excepted, archive_up_to, archive_excepted, seen_up_to, place)) w
      JOIN streams s ON s.id = w.id ${counting};
END $$;

CREATE FUNCTION carillon_receivable(in_stream bigint, behind bigint, up_to bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
BEGIN
  RETURN QUERY
    SELECT n.seq FROM notifications n
    WHERE n.stream_id = in_stream AND n.seq > behind AND n.seq <= up_to AND n.receipt AND n.kind <> 2;
END $$;

-- Statements that follow each other, each in a new snapshot: the second sees what those have committed who had the
-- topic's lock before, the third what those have who had the users'. What is locked, in this order, so that none waits
-- in a circle: the parts that are written to, the topic (shared by those who subscribe, alone by who deletes it), streams
-- by id, the rest. The names in order. A row a user who was asked for and doesn't follow the topic yet: rev null where
-- they follow too many. One row with ended: the generation was deleted. It is planned anew each time, for the tables as
-- they are: one call may be for a user or for a thousand.
CREATE FUNCTION carillon_subscribe(
  in_topic text, in_topic_id bigint, in_generation integer, in_since bigint, most bigint,
  users text[], names text[], name_parts integer[]
) RETURNS TABLE(user_name text, rev bigint, ended boolean)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  PERFORM carillon_may_write(name_parts);
  PERFORM pg_advisory_xact_lock_shared(in_topic_id);
  IF EXISTS (SELECT FROM topic_ends e WHERE e.topic_id = in_topic_id AND e.generation >= in_generation) THEN
    RETURN QUERY SELECT NULL::text, NULL::bigint, true;
    RETURN;
  END IF;
  INSERT INTO streams(name, part)
    SELECT n.name, n.part FROM unnest(names, name_parts) AS n(name, part)
    WHERE NOT EXISTS (SELECT FROM streams s WHERE s.name = n.name) ORDER BY n.name
    ON CONFLICT (name) DO NOTHING;
  PERFORM FROM streams s WHERE s.name = ANY (names) ORDER BY s.id FOR NO KEY UPDATE;
  RETURN QUERY
    WITH asked AS MATERIALIZED (
      SELECT own.id, n.user_name, n.part,
        (SELECT count(*) FROM subscriptions s WHERE s.user_id = own.id) >= most AS is_full
      FROM unnest(users, names, name_parts) AS n(user_name, name, part) JOIN streams own ON own.name = n.name
      WHERE NOT EXISTS (SELECT FROM subscriptions s WHERE s.topic = in_topic AND s.user_name = n.user_name)),
    made AS (
      INSERT INTO subscriptions(topic_id, user_id, since, generation, part, topic, user_name)
      SELECT in_topic_id, a.id, in_since, in_generation, a.part, in_topic, a.user_name FROM asked a WHERE NOT a.is_full
      RETURNING subscriptions.user_id, subscriptions.part),
    counted AS (
      INSERT INTO topic_followers AS f(topic_id, part, count)
      SELECT in_topic_id, m.part, count(*) FROM made m GROUP BY m.part ORDER BY m.part
      ON CONFLICT (topic_id, part) DO UPDATE SET count = f.count + excluded.count),
    raised AS (
      UPDATE streams s SET rev = s.rev + 1 FROM made m WHERE s.id = m.user_id RETURNING s.id, s.rev)
    SELECT a.user_name, r.rev, false FROM asked a LEFT JOIN raised r ON r.id = a.id;
END $$;
`;
