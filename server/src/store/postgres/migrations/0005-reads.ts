import { keptPlans } from "./kept-plans.ts";

/**
 * What touches notifications, as functions: planning a statement over 30 partitions takes 2-3 ms, and kept plans aren't
 * to be had otherwise through PgBouncer. Each day that is kept costs a page about 20 us.
 */
export const sql = `
CREATE FUNCTION carillon_read(in_part integer, in_name text, after bigint, most integer)
RETURNS TABLE(head bigint, first bigint, seq bigint, kind smallint, receipt boolean, expires_at bigint, body text)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
BEGIN
  PERFORM carillon_may_read(ARRAY[in_part]);
  RETURN QUERY
    SELECT s.head, s.trimmed + 1, p.seq, p.kind, p.receipt, p.expires_at, p.body
    FROM streams s LEFT JOIN LATERAL (
      SELECT page.*, sum(octet_length(page.body)) OVER (ORDER BY page.seq) AS bytes
      FROM (
        SELECT n.seq, n.kind, n.receipt, n.expires_at, n.body FROM notifications n
        WHERE n.stream_id = s.id AND n.seq > greatest(after, s.trimmed) AND after < s.head
        ORDER BY n.seq LIMIT most
      ) page
    ) p ON p.bytes IS NULL OR p.bytes <= 1048576 OR p.seq = greatest(after, s.trimmed) + 1
    WHERE s.name = in_name
    ORDER BY p.seq;
END $$;

CREATE FUNCTION carillon_find(in_part integer, in_name text, in_key text, window_ms bigint)
RETURNS TABLE(seq bigint, kind smallint, digest text, created_at bigint, expires_at bigint, receipt boolean)
LANGUAGE plpgsql STABLE ${keptPlans} AS $$
DECLARE
  at bigint := carillon_now();
BEGIN
  PERFORM carillon_may_read(ARRAY[in_part]);
  RETURN QUERY
    SELECT n.seq, n.kind, n.digest, n.created_at, n.expires_at, n.receipt
    FROM streams s JOIN notifications n ON n.stream_id + 0 = s.id AND n.key = in_key
      AND n.named_at >= at - window_ms AND n.created_at >= at - window_ms - 3600000 AND n.seq > s.trimmed
    WHERE s.name = in_name
    ORDER BY n.seq DESC LIMIT 1;
END $$;

CREATE FUNCTION carillon_withdraw(in_part integer, in_name text, in_key text, window_ms bigint, OUT seq bigint, OUT rev bigint)
LANGUAGE plpgsql VOLATILE ${keptPlans} AS $$
DECLARE
  at bigint := carillon_now();
  stream streams;
  found notifications;
BEGIN
  PERFORM carillon_may_write(ARRAY[in_part]);
  SELECT s.* INTO stream FROM streams s WHERE s.name = in_name FOR NO KEY UPDATE;
  SELECT n.* INTO found FROM notifications n
    WHERE n.stream_id + 0 = stream.id AND n.key = in_key AND n.seq > stream.trimmed
      AND n.named_at >= at - window_ms AND n.created_at >= at - window_ms - 3600000
    ORDER BY n.seq DESC LIMIT 1;
  seq := found.seq;
  rev := stream.rev;
  IF found.seq IS NULL OR found.kind = 2 THEN
    RETURN;
  END IF;
  UPDATE notifications n SET kind = 2, body = NULL
    WHERE n.stream_id = stream.id AND n.seq = found.seq AND n.created_at = found.created_at;
  UPDATE streams s SET rev = s.rev + 1 WHERE s.id = stream.id RETURNING s.rev INTO rev;
END $$;
`;
