/** Where the real services are that tests use: `SERVICES`, set by `npm run services -- env`. */
export interface Services {
  /** Connection strings of PostgreSQL servers, each one's own `postgres` database. */
  readonly postgres: readonly string[];
  /** The first of them behind PgBouncer in transaction mode. */
  readonly pgbouncer: string | null;
  /** Brokers of one cluster, as host:port. */
  readonly kafka: readonly string[];
  readonly redis: readonly string[];
}

const none: Services = { postgres: [], pgbouncer: null, kafka: [], redis: [] };

export function services(): Services {
  const said = process.env["SERVICES"];
  if (said === undefined)
    throw new Error("SERVICES is not set: `npm run test:cluster` starts what is needed");
  return { ...none, ...(JSON.parse(said) as Partial<Services>) };
}
