/** What the application keeps about a user, by the number of the user's stream. */
export const sql = `
CREATE TABLE user_state(
  user_id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  state TEXT NOT NULL -- JSON
);
`;
