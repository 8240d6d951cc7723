/**
 * Streams are never deleted. A head is not stored: it is the larger of `trimmed` and the newest row's seq.
 *
 * A notification is found again by `key` without an index that grows with it: rows are numbered in the order of
 * their arrival, and of every 262,144 of them a `run` is made, hashes in 1,024 buckets, written once and dropped
 * whole when it leaves the identity window. What is in no run yet, the writer has in memory.
 */
export const sql = `
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL,
  hash_seed INTEGER NOT NULL,
  in_runs INTEGER NOT NULL -- rows up to this id are in a run, or were in one that has left the window
);
INSERT INTO meta VALUES (1, 1, random() & 0xffffffff, 0);

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
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  collapse_key TEXT,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT
);
CREATE UNIQUE INDEX notifications_place ON notifications(stream_id, seq);
CREATE INDEX notifications_receipt ON notifications(stream_id, seq) WHERE receipt = 1;
CREATE INDEX notifications_expiry ON notifications(expires_at) WHERE expires_at IS NOT NULL AND kind <> 2;
CREATE INDEX notifications_collapse ON notifications(stream_id, collapse_key)
  WHERE collapse_key IS NOT NULL AND kind <> 2;

CREATE TABLE identity_runs(
  run INTEGER PRIMARY KEY,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  newest_at INTEGER NOT NULL,
  filter BLOB NOT NULL
);
CREATE TABLE identity_buckets(
  id INTEGER PRIMARY KEY, -- run * 1024 + bucket
  entries BLOB NOT NULL
);

CREATE TABLE rejected(
  id INTEGER PRIMARY KEY,
  part INTEGER NOT NULL,
  log_offset TEXT NOT NULL,
  reason TEXT NOT NULL,
  record TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

-- Streams with rows up to streams.trimmed. Up to \`buried\` they have no body any more; until due_at they are kept
-- for their identity.
CREATE TABLE trims(
  stream_id INTEGER PRIMARY KEY,
  due_at INTEGER NOT NULL,
  buried INTEGER NOT NULL
);
CREATE INDEX trims_due ON trims(due_at);
`;
