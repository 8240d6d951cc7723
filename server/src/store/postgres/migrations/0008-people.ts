/** What the application keeps about a user, on the server of the user's stream. A write names the version before it. */
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
`;
