import { keptPlans } from "./kept-plans.ts";

/** What a page of an inbox looks at. */
export const sql = String.raw`
-- A body without its \u escapes: those of characters that PostgreSQL's text can't hold would be an error, wherever
-- they are. Types, sources and topics have none.
CREATE FUNCTION carillon_event(body text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(body, '\u') = 0 THEN body
  ELSE regexp_replace(body, '(\\\\)|\\u[0-9a-fA-F]{4}', '\1', 'g') END::json;

-- Ranges of streams by their ids, each from low to high; a size of 0 is what isn't shown. OFFSET keeps the planner
-- from reading whole streams and comparing places then.
CREATE FUNCTION carillon_inbox_scan(in_parts integer[], ids bigint[], lows bigint[], highs bigint[], own_id bigint,
  with_silent boolean, not_before bigint, type_is text, source_is text, topics_are text[])
RETURNS TABLE(place bigint, seq bigint, stored_at bigint, size integer)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
DECLARE
  now_is bigint := carillon_now();
BEGIN
  PERFORM carillon_may_read(in_parts);
  RETURN QUERY
    SELECT w.place, n.seq, n.created_at, CASE
        WHEN n.kind = 2 OR (n.kind = 1 AND NOT with_silent) THEN 0
        WHEN n.expires_at <= now_is OR n.created_at < not_before THEN 0
        WHEN type_is IS NOT NULL AND carillon_event(n.body) ->> 'type' IS DISTINCT FROM type_is THEN 0
        WHEN source_is IS NOT NULL AND carillon_event(n.body) ->> 'source' IS DISTINCT FROM source_is THEN 0
        WHEN topics_are IS NOT NULL AND n.stream_id = own_id
          AND coalesce(carillon_event(n.body) ->> 'topic' <> ALL (topics_are), true) THEN 0
        ELSE octet_length(n.body)
      END
    FROM unnest(ids, lows, highs) WITH ORDINALITY AS w(id, low, high, place)
      JOIN streams s ON s.id = w.id
      CROSS JOIN LATERAL (
        SELECT * FROM notifications r
        WHERE r.stream_id = s.id AND r.seq >= greatest(w.low, s.trimmed + 1) AND r.seq <= w.high OFFSET 0) n
    ORDER BY w.place, n.seq DESC;
END $$;

CREATE FUNCTION carillon_inbox_bodies(in_parts integer[], ids bigint[], seqs bigint[])
RETURNS TABLE(place bigint, body text)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
BEGIN
  PERFORM carillon_may_read(in_parts);
  RETURN QUERY
    SELECT w.place, n.body FROM unnest(ids, seqs) WITH ORDINALITY AS w(id, seq, place)
      JOIN streams s ON s.id = w.id
      CROSS JOIN LATERAL (
        SELECT r.body FROM notifications r WHERE r.stream_id = s.id AND r.seq = w.seq AND r.kind <> 2 OFFSET 0) n
    WHERE w.seq > s.trimmed;
END $$;
`;
