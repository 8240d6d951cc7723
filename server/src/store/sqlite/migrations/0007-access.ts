/** A revocation of everybody's tokens has the user `*`; one by time has an empty token id. */
export const sql = `
CREATE TABLE revocations(
  user TEXT NOT NULL,
  token_id TEXT NOT NULL,
  issued_before INTEGER,
  until INTEGER NOT NULL,
  PRIMARY KEY (user, token_id)
) WITHOUT ROWID;
CREATE INDEX revocations_until ON revocations(until);

CREATE TABLE used_tickets(
  id TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX used_tickets_until ON used_tickets(until);
`;
