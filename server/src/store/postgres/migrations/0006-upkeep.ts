/**
 * Upkeep in bounded steps, of the parts that are here. Several processes may be at it: each takes rows that no other has.
 */
export const sql = `
CREATE FUNCTION carillon_expire(most integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  at bigint := carillon_now();
  touched integer;
BEGIN
  UPDATE notifications n SET kind = 2, body = NULL
  FROM (
    SELECT e.stream_id, e.seq, e.created_at
    FROM notifications e JOIN streams s ON s.id = e.stream_id JOIN parts p ON p.part = s.part AND p.state = 'here'
    WHERE e.expires_at <= at AND e.expires_at IS NOT NULL AND e.kind <> 2
    LIMIT most FOR UPDATE OF e SKIP LOCKED
  ) due
  WHERE n.stream_id = due.stream_id AND n.seq = due.seq AND n.created_at = due.created_at;
  GET DIAGNOSTICS touched = ROW_COUNT;
  RETURN touched;
END $$;

CREATE FUNCTION carillon_clear_trimmed(most integer, keep_ms bigint) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  at bigint := carillon_now();
  remaining integer := most;
  touched integer;
  one record;
  up_to bigint;
  newest bigint;
BEGIN
  WHILE remaining > 0 LOOP
    SELECT t.stream_id, t.buried, s.trimmed INTO one
      FROM trims t JOIN streams s ON s.id = t.stream_id JOIN parts p ON p.part = s.part AND p.state = 'here'
      WHERE t.due_at <= at ORDER BY t.due_at LIMIT 1 FOR UPDATE OF t SKIP LOCKED;
    EXIT WHEN NOT FOUND;

    DELETE FROM notifications n USING (
      SELECT o.seq, o.created_at FROM notifications o
      WHERE o.stream_id = one.stream_id AND o.seq <= one.trimmed AND o.created_at < at - keep_ms
      ORDER BY o.seq LIMIT remaining
    ) old WHERE n.stream_id = one.stream_id AND n.seq = old.seq AND n.created_at = old.created_at;
    GET DIAGNOSTICS touched = ROW_COUNT;
    remaining := remaining - touched;
    EXIT WHEN remaining <= 0;

    DELETE FROM receipts WHERE id IN (
      SELECT r.id FROM receipts r WHERE r.stream_id = one.stream_id AND r.seq <= one.trimmed LIMIT remaining
    );
    GET DIAGNOSTICS touched = ROW_COUNT;
    remaining := remaining - touched;
    EXIT WHEN remaining <= 0;

    IF one.buried < one.trimmed THEN
      SELECT max(y.seq) INTO up_to FROM (
        SELECT n.seq FROM notifications n
        WHERE n.stream_id = one.stream_id AND n.seq > one.buried AND n.seq <= one.trimmed
        ORDER BY n.seq LIMIT remaining
      ) y;
      UPDATE notifications n SET kind = 2, body = NULL, receipt = false
        WHERE n.stream_id = one.stream_id AND n.seq > one.buried AND n.seq <= up_to;
      GET DIAGNOSTICS touched = ROW_COUNT;
      remaining := remaining - touched;
      UPDATE trims t SET buried = coalesce(up_to, one.trimmed) WHERE t.stream_id = one.stream_id;
    ELSE
      SELECT n.created_at INTO newest FROM notifications n
        WHERE n.stream_id = one.stream_id AND n.seq <= one.trimmed ORDER BY n.seq DESC LIMIT 1;
      IF FOUND THEN
        UPDATE trims t SET due_at = newest + keep_ms + 1 WHERE t.stream_id = one.stream_id;
      ELSE
        DELETE FROM trims t WHERE t.stream_id = one.stream_id;
      END IF;
    END IF;
  END LOOP;
  RETURN most - remaining;
END $$;

CREATE FUNCTION carillon_upkeep(most integer, keep_ms bigint) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  touched integer;
BEGIN
  PERFORM carillon_may_write(array(SELECT part FROM parts WHERE state = 'here'));
  DELETE FROM leases WHERE until < carillon_now() - 86400000;
  touched := carillon_expire(most);
  IF touched < most THEN
    touched := touched + carillon_clear_trimmed(most - touched, keep_ms);
  END IF;
  RETURN touched;
END $$;

-- Partitions for today and the three days that follow. One that would have to wait for others is made the next time;
-- what is stored meanwhile is in the default partition, and stays there.
CREATE FUNCTION carillon_make_days() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  day_ms constant bigint := 86400000;
  today constant bigint := carillon_now() / day_ms;
  name text;
BEGIN
  PERFORM set_config('lock_timeout', '500', true);
  FOR day IN today .. today + 3 LOOP
    name := 'notifications_' || to_char(to_timestamp(day * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD');
    CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = current_schema()::regnamespace)
      OR EXISTS (SELECT FROM notifications_default WHERE created_at >= day * day_ms AND created_at < (day + 1) * day_ms);
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE notifications INCLUDING ALL)', name);
      EXECUTE format('ALTER TABLE notifications ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        name, day * day_ms, (day + 1) * day_ms);
    EXCEPTION WHEN lock_not_available OR duplicate_table OR check_violation THEN
      RETURN;
    END;
  END LOOP;
END $$;
`;
