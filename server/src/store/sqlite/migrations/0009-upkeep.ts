/**
 * Devices are ordered by when they were seen, which from now on is a time, larger than those of the user's devices that
 * were saved before.
 */
export const sql = `
ALTER TABLE meta ADD COLUMN is_backup INTEGER NOT NULL DEFAULT 0;
UPDATE devices SET seen = seen + unixepoch() * 1000;
CREATE INDEX devices_seen ON devices(seen);
`;
