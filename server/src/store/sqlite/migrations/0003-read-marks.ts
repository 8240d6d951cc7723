/**
 * What users have read, and where rows are that don't count, or not for ever. Unread is head - read less the rows of
 * that index, so that ordinary rows cost no entry and a long stream nothing to count.
 */
export const sql = `
CREATE TABLE positions(
  user_id INTEGER NOT NULL,
  stream_id INTEGER NOT NULL,
  read_seq INTEGER NOT NULL,
  PRIMARY KEY (user_id, stream_id)
) WITHOUT ROWID;

CREATE INDEX notifications_uncounted ON notifications(stream_id, seq, kind, expires_at)
  WHERE kind <> 0 OR expires_at IS NOT NULL;
`;
