/**
 * Streams are never deleted. A head is not stored: it is the larger of `trimmed` and the newest row's seq, so that
 * a notification costs one append, one index entry and one identity.
 */
export const sql = `
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, 1);

CREATE TABLE log_progress(
  part INTEGER PRIMARY KEY,
  next TEXT NOT NULL
);

CREATE TABLE streams(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  trimmed INTEGER NOT NULL DEFAULT 0,
  rev INTEGER NOT NULL DEFAULT 0,
  closed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE notifications(
  id INTEGER PRIMARY KEY,
  stream_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  receipt INTEGER NOT NULL,
  expires_at INTEGER,
  collapse_key TEXT,
  created_at INTEGER NOT NULL,
  body TEXT
);
CREATE UNIQUE INDEX notifications_place ON notifications(stream_id, seq);
CREATE INDEX notifications_receipt ON notifications(stream_id, seq) WHERE receipt = 1;
CREATE INDEX notifications_expiry ON notifications(expires_at) WHERE expires_at IS NOT NULL AND kind <> 2;
CREATE INDEX notifications_collapse ON notifications(stream_id, collapse_key)
  WHERE collapse_key IS NOT NULL AND kind <> 2;

CREATE TABLE identities(
  id INTEGER PRIMARY KEY,
  stream_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX identities_key ON identities(stream_id, key);

CREATE TABLE rejected(
  id INTEGER PRIMARY KEY,
  part INTEGER NOT NULL,
  log_offset TEXT NOT NULL,
  reason TEXT NOT NULL,
  record TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

-- Streams whose rows up to \`streams.trimmed\` are not all deleted yet.
CREATE TABLE trims(stream_id INTEGER PRIMARY KEY);
`;
