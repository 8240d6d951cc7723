/**
 * What users have marked, by kind (0 read, 1 archived, 2 seen): a place, and in `excepted`, a JSON array in ascending
 * order, the single seqs that differ from it.
 */
export const sql = `
CREATE TABLE marks(
  user_id INTEGER NOT NULL,
  stream_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  up_to INTEGER NOT NULL,
  excepted TEXT NOT NULL,
  PRIMARY KEY (user_id, stream_id, kind)
) WITHOUT ROWID;

INSERT INTO marks SELECT user_id, stream_id, 0, read_seq, '[]' FROM positions;
DROP TABLE positions;
`;
