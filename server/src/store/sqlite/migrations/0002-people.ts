/**
 * Subscriptions are kept by the user's name, because a topic's pages are in that order and most need no more.
 */
export const sql = `
CREATE TABLE topics(
  stream_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  subscribers INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE subscriptions(
  topic_id INTEGER NOT NULL,
  user TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (topic_id, user)
) WITHOUT ROWID;
CREATE INDEX subscriptions_user ON subscriptions(user, topic_id);

CREATE TABLE devices(
  user_id INTEGER NOT NULL,
  device TEXT NOT NULL,
  cursor TEXT NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (user_id, device)
) WITHOUT ROWID;

CREATE TABLE receipts(
  id INTEGER PRIMARY KEY,
  stream_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX receipts_reader ON receipts(stream_id, user, seq);
CREATE INDEX receipts_place ON receipts(stream_id, seq);

CREATE TABLE api_keys(
  hash TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  sources TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) WITHOUT ROWID;
`;
