/**
 * What the application keeps about a user, by the number of the user's stream; and the erasing of users.
 *
 * An erasure is kept by a hash of the id: from when it is, and where the seqs of a new stream of that name go on. The id
 * itself stays until all is done.
 */
export const sql = `
CREATE TABLE user_state(
  user_id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  state TEXT NOT NULL -- JSON
);

CREATE TABLE erasures(
  hash TEXT PRIMARY KEY,
  user TEXT, -- null: it is done
  topics_to TEXT,
  at INTEGER NOT NULL,
  head INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX erasures_pending ON erasures(at) WHERE user IS NOT NULL;
CREATE INDEX erasures_until ON erasures(until);

-- Streams of erased users that have rows still: these go whatever their age.
CREATE TABLE erased_streams(
  stream_id INTEGER PRIMARY KEY
);

ALTER TABLE streams ADD COLUMN fenced_at INTEGER; -- records accepted before were for somebody who was erased
ALTER TABLE notifications ADD COLUMN author TEXT; -- the user who sent it
CREATE INDEX notifications_author ON notifications(author) WHERE author IS NOT NULL;
CREATE INDEX grants_user ON grants(user);
CREATE INDEX receipts_user ON receipts(user);
`;
