/**
 * A batch in one call: a function, because its plans are then kept by the server, on any connection and through
 * PgBouncer. Its statements follow each other, each in a new snapshot: what waits at the fence or at the streams' rows
 * sees in the next statement what those before it have committed.
 *
 * `next_from` and `next_to` null: the log keeps no offsets, several writers may come at once, and the streams' rows
 * are locked in the order of their ids. Records name their stream by its place in `names`, and no two of them have the
 * same stream and key. `named_from` is where the window begins for the earliest of them, with an hour between clocks.
 */
export const sql = `
CREATE FUNCTION carillon_apply(
  log_part integer, next_from text, next_to text, window_ms bigint,
  names text[], name_parts integer[],
  in_stream integer[], keys text[], digests text[], flags smallint[], ats bigint[],
  expiries bigint[], collapses bytea[], bodies text[],
  rejected_offsets text[], rejected_reasons text[], rejected_records bytea[],
  OUT owned boolean, OUT at bigint, OUT codes text, OUT seqs text, OUT conflicting text[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  ids bigint[];
  heads bigint[];
  closed_ones boolean[];
  since bigint;
  locked integer := cardinality(names);
BEGIN
  at := carillon_now();
  PERFORM carillon_may_write(CASE WHEN next_to IS NULL THEN name_parts ELSE name_parts || log_part END);
  IF next_to IS NOT NULL THEN
    INSERT INTO log_progress AS known(part, next) VALUES (log_part, next_to)
      ON CONFLICT (part) DO UPDATE SET next = excluded.next WHERE known.next = next_from;
    IF NOT FOUND THEN
      owned := false;
      RETURN;
    END IF;
  END IF;
  owned := true;
  IF rejected_offsets IS NOT NULL THEN
    INSERT INTO rejected(part, log_offset, reason, record, created_at)
      SELECT log_part, r.log_offset, r.reason, r.record, carillon_apply.at
      FROM unnest(rejected_offsets, rejected_reasons, rejected_records) AS r(log_offset, reason, record);
  END IF;
  IF cardinality(names) = 0 THEN
    RETURN;
  END IF;

  LOOP
    IF next_to IS NULL THEN
      PERFORM FROM streams WHERE name = ANY (names) ORDER BY id FOR NO KEY UPDATE;
      GET DIAGNOSTICS locked = ROW_COUNT;
    END IF;
    SELECT array_agg(s.id ORDER BY n.ord), array_agg(s.head ORDER BY n.ord), array_agg(s.closed ORDER BY n.ord)
      INTO ids, heads, closed_ones
      FROM unnest(names) WITH ORDINALITY AS n(name, ord) LEFT JOIN streams s ON s.name = n.name;
    -- One that was made between the two statements is there and not locked: once more.
    EXIT WHEN array_position(ids, NULL) IS NULL AND locked = cardinality(names);
    INSERT INTO streams(name, part)
      SELECT n.name, n.part FROM unnest(names, name_parts, ids) AS n(name, part, id)
      WHERE n.id IS NULL ORDER BY n.name
      ON CONFLICT (name) DO NOTHING;
  END LOOP;

  SELECT min(coalesce(t.at, carillon_apply.at)) - window_ms - 3600000 INTO since FROM unnest(ats) AS t(at);
  since := coalesce(since, at - window_ms);

  WITH r AS MATERIALIZED (
    SELECT t.*, ids[t.st] AS id, coalesce(t.named_at, carillon_apply.at) AS named
    FROM unnest(in_stream, keys, digests, flags, ats, expiries, collapses, bodies) WITH ORDINALITY
      AS t(st, key, digest, flag, named_at, expires_at, collapse_key, body, ord)
  ), known AS (
    SELECT DISTINCT ON (r.ord) r.ord, n.seq, n.digest
    FROM r JOIN notifications n ON n.stream_id = r.id AND n.key = r.key
      AND n.created_at >= since AND n.named_at >= r.named - window_ms
    ORDER BY r.ord, n.seq DESC
  ), o AS MATERIALIZED (
    SELECT r.*, CASE
        WHEN closed_ones[r.st] THEN 3
        WHEN known.seq IS NULL THEN 0
        WHEN known.digest = r.digest THEN 1
        ELSE 2
      END AS code, known.digest AS known_digest,
      coalesce(known.seq, heads[r.st] + row_number() OVER (PARTITION BY r.st, known.seq IS NULL ORDER BY r.ord)) AS seq
    FROM r LEFT JOIN known ON known.ord = r.ord
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
    WHERE n.stream_id = newest.stream_id AND n.collapse_key = newest.collapse_key AND n.seq < newest.seq AND n.kind <> 2;
  END IF;
END $$;
`;
