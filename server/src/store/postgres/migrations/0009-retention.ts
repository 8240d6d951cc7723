import { keptPlans } from "./kept-plans.ts";

/**
 * Retention: whole days go. First the day's streams are trimmed, some at a time, then its partition is taken out, which
 * needs all of `notifications` for a moment and gives up soon, and last it is dropped, which nobody waits for. What is in
 * the default partition goes row by row.
 *
 * While a part is on its way to or from this server nothing is done; a day that was begun before parts came is begun
 * anew, because they may have brought rows of it.
 */
export const sql = `
CREATE INDEX notifications_default_age ON notifications_default(created_at, stream_id, seq);
CREATE INDEX devices_seen ON devices(seen);
-- From now on when it was seen, and still larger than those of the user's devices that were saved before.
UPDATE devices SET seen = carillon_now() + seen;

-- The day that goes: its streams up to this number are trimmed.
CREATE TABLE retention(
  partition_name text COLLATE "C" PRIMARY KEY,
  after bigint NOT NULL,
  parts integer[] NOT NULL -- those that were here
);

-- Of single days and of what is older, by the time up to which their rows were stored.
CREATE FUNCTION carillon_days() RETURNS TABLE(partition_name text, until_at bigint) LANGUAGE sql STABLE AS $$
  SELECT c.relname::text, substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''(\\d+)''\\)')::bigint
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'notifications'::regclass AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
$$;

CREATE FUNCTION carillon_trim_streams(ids bigint[], lasts bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE ${keptPlans} AS $$
BEGIN
  PERFORM FROM streams WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
  UPDATE streams s SET trimmed = t.last FROM unnest(ids, lasts) AS t(id, last) WHERE s.id = t.id AND s.trimmed < t.last;
END $$;

-- One at a time: false for all but the first to ask, until its transaction ends.
CREATE FUNCTION carillon_may_retain() RETURNS boolean LANGUAGE sql VOLATILE
  RETURN pg_try_advisory_xact_lock(1131572846, -3);

-- One step: at most so many streams of the oldest day, or rows of the default partition. day_due: the one that can be taken out.
CREATE FUNCTION carillon_retain(keep_ms bigint, most integer, OUT removed bigint, OUT done boolean, OUT day_due text)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  cutoff bigint := carillon_now() - keep_ms;
  held integer[] := array(SELECT part FROM parts WHERE state = 'here' ORDER BY part);
  oldest text;
  place retention;
  ids bigint[];
  lasts bigint[];
  touched integer;
BEGIN
  removed := 0;
  done := true;
  PERFORM carillon_may_write(held);
  IF EXISTS (SELECT FROM parts WHERE state IN ('frozen', 'arriving')) OR NOT carillon_may_retain() THEN
    RETURN;
  END IF;
  SELECT d.partition_name INTO oldest FROM carillon_days() d WHERE d.until_at <= cutoff ORDER BY d.until_at LIMIT 1;
  IF FOUND THEN
    done := false;
    INSERT INTO retention VALUES (oldest, 0, held) ON CONFLICT DO NOTHING;
    SELECT r.* INTO place FROM retention r WHERE r.partition_name = oldest;
    IF place.parts <> held THEN
      place.after := 0;
    END IF;
    EXECUTE format('
      WITH RECURSIVE walk AS (
        (SELECT stream_id, seq FROM %1$I WHERE stream_id > $1 ORDER BY stream_id, seq LIMIT 1)
        UNION ALL
        SELECT n.stream_id, n.seq FROM walk w CROSS JOIN LATERAL (
          SELECT d.stream_id, d.seq FROM %1$I d WHERE d.stream_id > w.stream_id ORDER BY d.stream_id, d.seq LIMIT 1) n
      ), few AS MATERIALIZED (SELECT stream_id, seq FROM walk LIMIT $2)
      SELECT array_agg(s.stream_id ORDER BY s.stream_id), array_agg(l.seq ORDER BY s.stream_id),
        coalesce(sum(l.seq - s.seq + 1), 0)
      FROM few s CROSS JOIN LATERAL (
        SELECT d.seq FROM %1$I d WHERE d.stream_id = s.stream_id ORDER BY d.seq DESC LIMIT 1) l', oldest)
      INTO ids, lasts, removed USING place.after, most;
    IF ids IS NOT NULL THEN
      PERFORM carillon_trim_streams(ids, lasts);
      UPDATE retention r SET after = ids[cardinality(ids)], parts = held WHERE r.partition_name = oldest;
    END IF;
    IF coalesce(cardinality(ids), 0) < most THEN
      day_due := oldest;
    END IF;
    RETURN;
  END IF;

  WITH old AS MATERIALIZED (
    SELECT n.stream_id, n.seq, n.created_at FROM notifications_default n WHERE n.created_at < cutoff
    ORDER BY n.created_at, n.stream_id, n.seq LIMIT most
  ), gone AS (
    DELETE FROM notifications_default n USING old
    WHERE n.stream_id = old.stream_id AND n.seq = old.seq AND n.created_at = old.created_at
    RETURNING n.stream_id, n.seq
  ), by_stream AS (
    SELECT g.stream_id, max(g.seq) AS last, count(*) AS rows FROM gone g GROUP BY g.stream_id
  )
  SELECT array_agg(b.stream_id ORDER BY b.stream_id), array_agg(b.last ORDER BY b.stream_id), coalesce(sum(b.rows), 0)
    INTO ids, lasts, removed FROM by_stream b;
  IF ids IS NOT NULL THEN
    PERFORM carillon_trim_streams(ids, lasts);
    done := removed < most;
    RETURN;
  END IF;

  -- Nothing that was stored before the cutoff is left but in the day that it lies in.
  SELECT least(cutoff, min(d.until_at) - 86400000) INTO cutoff FROM carillon_days() d;
  DELETE FROM receipts WHERE id IN (SELECT r.id FROM receipts r ORDER BY r.id LIMIT most) AND created_at < cutoff;
  GET DIAGNOSTICS touched = ROW_COUNT;
  done := touched < most;
  DELETE FROM rejected WHERE id IN (SELECT r.id FROM rejected r ORDER BY r.id LIMIT most) AND created_at < cutoff;
  GET DIAGNOSTICS touched = ROW_COUNT;
  done := done AND touched < most;
END $$;

-- Whether it was taken out; not, when others would have had to wait for it for longer than a moment.
CREATE FUNCTION carillon_take_out(day_due text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  held integer[] := array(SELECT part FROM parts WHERE state = 'here' ORDER BY part);
BEGIN
  PERFORM carillon_may_write(held);
  PERFORM set_config('lock_timeout', '200', true);
  IF NOT carillon_may_retain() THEN
    RETURN false;
  END IF;
  DELETE FROM retention WHERE partition_name = day_due AND parts = held
    AND NOT EXISTS (SELECT FROM parts p WHERE p.state IN ('frozen', 'arriving'));
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  BEGIN
    EXECUTE format('ALTER TABLE notifications DETACH PARTITION %I', day_due);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    INSERT INTO retention VALUES (day_due, 9223372036854775807, held);
    RETURN false;
  END;
  RETURN true;
END $$;

-- What was taken out, now or by somebody who didn't come to drop it. Says what it took on the disk.
CREATE FUNCTION carillon_drop_taken_out() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  one record;
  freed bigint := 0;
BEGIN
  PERFORM set_config('lock_timeout', '200', true);
  IF NOT carillon_may_retain() THEN
    RETURN 0;
  END IF;
  FOR one IN
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND NOT relispartition
      AND relname ~ '^notifications_(\\d{8}|older)$'
  LOOP
    BEGIN
      EXECUTE format('DROP TABLE %I', one.name);
      freed := freed + one.bytes;
    EXCEPTION WHEN lock_not_available THEN
      NULL;
    END;
  END LOOP;
  RETURN freed;
END $$;

CREATE OR REPLACE FUNCTION carillon_upkeep(most integer, keep_ms bigint) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  touched integer;
  more integer;
BEGIN
  PERFORM carillon_may_write(array(SELECT part FROM parts WHERE state = 'here'));
  DELETE FROM leases WHERE until < carillon_now() - 86400000;
  DELETE FROM used_tickets WHERE id IN (
    SELECT t.id FROM used_tickets t WHERE t.until <= carillon_now() LIMIT most FOR UPDATE SKIP LOCKED);
  touched := carillon_expire(most);
  IF touched < most THEN
    touched := touched + carillon_clear_trimmed(most - touched, keep_ms);
  END IF;
  IF touched < most THEN
    DELETE FROM devices WHERE (user_name, device) IN (
      SELECT d.user_name, d.device FROM devices d JOIN parts p ON p.part = d.part AND p.state = 'here'
      WHERE d.seen < carillon_now() - 7776000000 ORDER BY d.seen LIMIT most - touched FOR UPDATE OF d SKIP LOCKED);
    GET DIAGNOSTICS more = ROW_COUNT;
    touched := touched + more;
  END IF;
  RETURN touched;
END $$;
`;
