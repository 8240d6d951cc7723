/** What has to be true of a topic's row, as SQL over two parameters: its owner (null: whoever), and whether open will do. */
export const fits = (owner: string, orOpen: string): string =>
  `(${owner}::text IS NULL OR topics.owner = ${owner} OR (${orOpen}::boolean AND topics.subscribe = 'open'))`;
