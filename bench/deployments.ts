/** What can be measured: which servers stand behind it, and which roles each of its processes has. */

export type Role = "receiver" | "director" | "distributor";

export interface Deployment {
  readonly name: string;
  /** PostgreSQL servers that share the streams; none: SQLite in the one process. */
  readonly postgres: number;
  /** Redis servers; none: PostgreSQL's NOTIFY, or a map in memory. */
  readonly redis: number;
  readonly kafka: boolean;
  /** The roles of each process. */
  readonly processes: readonly (readonly Role[])[];
}

const receiver: readonly Role[] = ["receiver"];
const director: readonly Role[] = ["director"];
const distributor: readonly Role[] = ["distributor"];
/** Without a log between them they are one process. */
const accepting: readonly Role[] = ["receiver", "director"];

export const embedded: Deployment = {
  name: "embedded",
  postgres: 0,
  redis: 0,
  kafka: false,
  processes: [["receiver", "director", "distributor"]],
};

const postgresAlone: Deployment = {
  name: "postgres",
  postgres: 1,
  redis: 0,
  kafka: false,
  processes: [accepting, distributor],
};

export const postgresAndRedis: Deployment = { ...postgresAlone, name: "postgres+redis", redis: 1 };

export const withKafka: Deployment = {
  name: "kafka",
  postgres: 1,
  redis: 1,
  kafka: true,
  processes: [receiver, director, distributor],
};

const twoDirectors: Deployment = {
  ...withKafka,
  name: "kafka, 2 directors",
  processes: [receiver, director, director, distributor],
};

export const twoDistributors: Deployment = {
  ...withKafka,
  name: "kafka, 2 distributors",
  processes: [receiver, director, distributor, distributor],
};

const twoShards: Deployment = { ...withKafka, name: "kafka, 2 shards", postgres: 2 };

/** One of each kind. */
export const kinds: readonly Deployment[] = [embedded, postgresAlone, postgresAndRedis, withKafka];
/** The same with two of something. */
export const scaled: readonly Deployment[] = [twoDirectors, twoDistributors, twoShards];
