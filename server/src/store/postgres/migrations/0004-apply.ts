import { keptPlans } from "./kept-plans.ts";

/**
 * A batch in one call: a function, because its plans are then kept by the server, on any connection and through
 * PgBouncer. Its statements follow each other, each in a new snapshot: what waits at the fence or at the streams' rows
 * sees in the next statement what those before it have committed.
 *
 * It may be of several parts, each with where its log stood and stands now; `held` are those whose place that was, and
 * of the others nothing is written; a part of which nothing is known stands at 0. `log_parts` null: the log keeps no
 * offsets, several writers may come at once, and the streams' rows are locked. Records name their stream by its place
 * in `names`, and no two of them have the same stream and key. `since` is from when on what they may repeat was stored:
 * read late or again, with an hour between clocks; read soon, however far ahead the receivers' clocks are.
 */
export const sql = `
CREATE FUNCTION carillon_apply(
  log_parts integer[], next_froms text[], next_tos text[], window_ms bigint,
  names text[], name_parts integer[],
  in_stream integer[], keys text[], digests text[], flags smallint[], ats bigint[],
  expiries bigint[], collapses bytea[], bodies text[],
  rejected_parts integer[], rejected_offsets text[], rejected_reasons text[], rejected_records bytea[],
  OUT held integer[], OUT at bigint, OUT codes text, OUT seqs text, OUT conflicting text[]
) LANGUAGE plpgsql VOLATILE ${keptPlans} AS $$
DECLARE
  ids bigint[];
  heads bigint[];
  closed_ones boolean[];
  since bigint;
  some_lost boolean := false;
BEGIN
  at := carillon_now();
  PERFORM carillon_may_write(coalesce(log_parts, name_parts));
  IF log_parts IS NOT NULL THEN
    WITH moved AS (
      INSERT INTO log_progress AS known(part, next)
        SELECT g.part, g.next_to FROM unnest(log_parts, next_froms, next_tos) AS g(part, next_from, next_to)
        WHERE g.next_from = '0' OR EXISTS (SELECT FROM log_progress there WHERE there.part = g.part) ORDER BY g.part
        ON CONFLICT (part) DO UPDATE SET next = excluded.next
          WHERE known.next = next_froms[array_position(log_parts, known.part)]
        RETURNING known.part
    ) SELECT array_agg(moved.part) INTO held FROM moved;
    IF held IS NULL THEN
      RETURN;
    END IF;
    some_lost := cardinality(held) < cardinality(log_parts);
  END IF;
  IF rejected_offsets IS NOT NULL THEN
    INSERT INTO rejected(part, log_offset, reason, record, created_at)
      SELECT r.part, r.log_offset, r.reason, r.record, carillon_apply.at
      FROM unnest(rejected_parts, rejected_offsets, rejected_reasons, rejected_records) AS r(part, log_offset, reason, record)
      WHERE held IS NULL OR r.part = ANY (held);
  END IF;
  IF cardinality(names) = 0 THEN
    RETURN;
  END IF;

  -- Those that are missing are made in the order of their names, and then all are locked in the order of their ids:
  -- nobody who waits to make one holds a lock yet.
  INSERT INTO streams(name, part)
    SELECT n.name, n.part FROM unnest(names, name_parts) AS n(name, part)
    WHERE NOT EXISTS (SELECT FROM streams s WHERE s.name = n.name) ORDER BY n.name
    ON CONFLICT (name) DO NOTHING;
  IF log_parts IS NULL THEN
    PERFORM FROM streams WHERE name = ANY (names) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  SELECT array_agg(s.id ORDER BY n.ord), array_agg(s.head ORDER BY n.ord), array_agg(s.closed ORDER BY n.ord)
    INTO ids, heads, closed_ones
    FROM unnest(names) WITH ORDINALITY AS n(name, ord) JOIN streams s ON s.name = n.name;

  SELECT least(min(t.at), carillon_apply.at) - window_ms - 3600000 INTO since FROM unnest(ats) AS t(at);

  WITH r AS MATERIALIZED (
    SELECT t.*, ids[t.st] AS id, coalesce(t.named_at, carillon_apply.at) AS named
    FROM unnest(in_stream, keys, digests, flags, ats, expiries, collapses, bodies) WITH ORDINALITY
      AS t(st, key, digest, flag, named_at, expires_at, collapse_key, body, ord)
  ), o AS MATERIALIZED (
    SELECT r.*, CASE
        WHEN some_lost AND name_parts[r.st] <> ALL (held) THEN 4
        WHEN closed_ones[r.st] THEN 3
        WHEN known.seq IS NULL THEN 0
        WHEN known.digest = r.digest THEN 1
        ELSE 2
      END AS code, known.digest AS known_digest,
      coalesce(known.seq, heads[r.st] + row_number() OVER (PARTITION BY r.st, known.seq IS NULL ORDER BY r.ord)) AS seq
    FROM r LEFT JOIN LATERAL (
      SELECT n.seq, n.digest FROM notifications n
      WHERE n.stream_id + 0 = r.id AND n.key = r.key AND n.created_at >= since AND n.named_at >= r.named - window_ms
      ORDER BY n.seq DESC LIMIT 1
    ) known ON true
  ), stored AS (
    INSERT INTO notifications(stream_id, seq, created_at, named_at, expires_at, kind, receipt, key, digest, collapse_key, body)
    SELECT o.id, o.seq, carillon_apply.at, o.named, o.expires_at, o.flag & 3, o.flag & 4 <> 0, o.key, o.digest, o.collapse_key, o.body
    FROM o WHERE o.code = 0
  ), moved AS (
    UPDATE streams SET head = x.head, receipt_seq = greatest(streams.receipt_seq, x.receipt_seq)
    FROM (
      SELECT o.id, max(o.seq) AS head, max(o.seq) FILTER (WHERE o.flag & 4 <> 0) AS receipt_seq
      FROM o WHERE o.code = 0 GROUP BY o.id ORDER BY o.id
    ) x WHERE streams.id = x.id
  )
  SELECT string_agg(o.code::text, '' ORDER BY o.ord), string_agg(o.seq::text, ',' ORDER BY o.ord),
      array_agg(o.known_digest ORDER BY o.ord) FILTER (WHERE o.code = 2)
    INTO codes, seqs, conflicting FROM o;

  IF collapses IS NOT NULL THEN
    UPDATE notifications n SET kind = 2, body = NULL
    FROM (
      SELECT c.stream_id, c.collapse_key, max(c.seq) AS seq
      FROM unnest(ids, heads) AS s(id, head) JOIN notifications c ON c.stream_id = s.id AND c.seq > s.head
      WHERE c.created_at = carillon_apply.at AND c.collapse_key IS NOT NULL GROUP BY c.stream_id, c.collapse_key
    ) newest
    WHERE n.stream_id + 0 = newest.stream_id AND n.collapse_key = newest.collapse_key AND n.seq < newest.seq AND n.kind <> 2;
  END IF;
END $$;
`;
