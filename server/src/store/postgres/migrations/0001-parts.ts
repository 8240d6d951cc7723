/**
 * What a server knows of itself, and which parts of the streams it holds.
 *
 * Every statement about a stream asks first whether its part is here: a read by `carillon_may_read`, in the snapshot
 * that it reads in; a write by `carillon_may_write`, which holds the part in place until its transaction ends.
 * Whoever takes a part away locks it exclusively by the same advisory lock and then marks it: the lock is had when the
 * last write under way has ended, and every later one sees the mark, because a volatile function takes a new snapshot.
 */
export const sql = `
CREATE TABLE meta(
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  store text NOT NULL, -- the same on all servers of a store
  server integer NOT NULL, -- 0 is home
  parts integer NOT NULL,
  epoch integer NOT NULL
);

-- On the home server: all that were ever given a number. The parts are dealt out over those with a share.
CREATE TABLE servers(
  server integer PRIMARY KEY,
  shares integer, -- of how many its share is one; null: it began with none
  ready boolean NOT NULL
);

CREATE TABLE parts(
  part integer PRIMARY KEY,
  state text COLLATE "C" NOT NULL CHECK (state IN ('here', 'frozen', 'arriving', 'gone'))
);

CREATE FUNCTION carillon_now() RETURNS bigint LANGUAGE sql STABLE
  RETURN floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint;

CREATE FUNCTION carillon_may_read(wanted integer[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF EXISTS (SELECT FROM unnest(wanted) AS w(part)
      WHERE NOT EXISTS (SELECT FROM parts WHERE parts.part = w.part AND state IN ('here', 'frozen'))) THEN
    RAISE EXCEPTION 'a part is not here' USING ERRCODE = 'CRMOV';
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION carillon_may_write(wanted integer[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  one integer;
  its_state text;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1131572846, w.part)
    FROM (SELECT DISTINCT part FROM unnest(wanted) AS u(part) ORDER BY part) w;
  SELECT w.part, parts.state INTO one, its_state FROM unnest(wanted) AS w(part) LEFT JOIN parts ON parts.part = w.part
    WHERE parts.state IS DISTINCT FROM 'here' LIMIT 1;
  IF NOT FOUND THEN
    RETURN true;
  ELSIF its_state = 'frozen' THEN
    RAISE EXCEPTION 'part % is being moved', one USING ERRCODE = 'CRFRZ';
  ELSE
    RAISE EXCEPTION 'part % is not here', one USING ERRCODE = 'CRMOV';
  END IF;
END $$;
`;
