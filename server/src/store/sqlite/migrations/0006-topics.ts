export const sql = `
ALTER TABLE topics ADD COLUMN subscribe TEXT NOT NULL DEFAULT 'closed';
ALTER TABLE topics ADD COLUMN publish TEXT NOT NULL DEFAULT 'granted';
ALTER TABLE topics ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
ALTER TABLE topics ADD COLUMN keep_ms INTEGER;
CREATE INDEX topics_owner ON topics(owner, name);

CREATE TABLE grants(
  topic_id INTEGER NOT NULL,
  user TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (topic_id, user)
) WITHOUT ROWID;
`;
