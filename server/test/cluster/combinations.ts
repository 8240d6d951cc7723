/** The deployments that are supported, as data: what stands behind the ports, and which process has which roles. */
export type Role = "receiver" | "director" | "distributor";

export interface Combination {
  readonly name: string;
  /** PostgreSQL servers that share the streams; none is SQLite. */
  readonly stores: 0 | 1 | 2;
  readonly redis: boolean;
  readonly kafka: boolean;
  /** The roles of each process. */
  readonly processes: readonly (readonly Role[])[];
}

const all: readonly Role[] = ["receiver", "director", "distributor"];
const twoOfEach: Combination["processes"] = all.flatMap((role) => [[role], [role]]);
const writing: readonly Role[] = ["receiver", "director"];

const embedded: Combination = {
  name: "embedded",
  stores: 0,
  redis: false,
  kafka: false,
  processes: [all],
};

export const postgresAlone: Combination = {
  name: "PostgreSQL alone",
  stores: 1,
  redis: false,
  kafka: false,
  processes: [all, all],
};

export const postgresAndRedis: Combination = {
  name: "PostgreSQL and Redis",
  stores: 1,
  redis: true,
  kafka: false,
  processes: [writing, writing, ["distributor"], ["distributor"]],
};

export const rolesApart: Combination = {
  name: "Kafka, PostgreSQL and Redis, roles apart",
  stores: 1,
  redis: true,
  kafka: true,
  processes: twoOfEach,
};

export const twoShards: Combination = {
  name: "Kafka, two PostgreSQL servers and Redis, roles apart",
  stores: 2,
  redis: true,
  kafka: true,
  processes: twoOfEach,
};

export const combinations = [embedded, postgresAlone, postgresAndRedis, rolesApart, twoShards];
