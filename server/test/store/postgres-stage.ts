import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterAll } from "vitest";
import { services } from "../../../test/services.ts";
import type { StoreUnderTest } from "../../src/store/conformance/suite.ts";
import { openPostgres, type PostgresOptions } from "../../src/store/postgres/open.ts";

export interface Databases {
  /** Connection strings of new, empty databases. */
  readonly urls: readonly string[];
  /** The same behind PgBouncer, where there is one. */
  readonly pooledUrls: readonly string[];
  /** In each of them. */
  run(sql: string): Promise<void>;
  remove(): Promise<void>;
}

export async function ask<R>(url: string, sql: string, values: readonly unknown[] = []): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values as unknown[])).rows as R[];
  } finally {
    await client.end();
  }
}

const inDatabase = (url: string, name: string): string => {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
};

/** New databases, spread over the servers there are. */
export async function makeDatabases(count: number): Promise<Databases> {
  const { postgres, pgbouncer } = services();
  const made = Array.from({ length: count }, (_, at) => ({
    server: postgres[at % postgres.length]!,
    name: `carillon_${randomBytes(8).toString("hex")}`,
  }));
  for (const { server, name } of made) await ask(server, `CREATE DATABASE ${name}`);
  const urls = made.map(({ server, name }) => inDatabase(server, name));
  return {
    urls,
    pooledUrls:
      pgbouncer === null
        ? []
        : made.filter(({ server }) => server === postgres[0]).map(({ name }) => inDatabase(pgbouncer, name)),
    async run(sql) {
      for (const url of urls) await ask(url, sql);
    },
    async remove() {
      for (const { server, name } of made) await ask(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** A clock that is ahead, in a database of its own. */
export const clockAhead = (ms: number): string =>
  `CREATE OR REPLACE FUNCTION carillon_now() RETURNS bigint LANGUAGE sql STABLE
   RETURN floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint + ${ms}`;

/** As new but for the schema: making a database takes a hundred times longer. */
const emptied = `${clockAhead(0)};
  DO $$ DECLARE one regclass; BEGIN
    FOR one IN SELECT oid FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> 'carillon_schema'
    LOOP EXECUTE format('DELETE FROM %s', one); END LOOP;
  END $$`;

/** For the exam: `databases` servers, through PgBouncer or not. */
export function postgresStore(
  databases: number,
  options: { readonly pooled?: boolean } & Partial<PostgresOptions> = {},
): StoreUnderTest {
  const free: Databases[] = [];
  afterAll(async () => {
    for (const made of free) await made.remove();
  });
  return {
    capabilities: { clock: "movable", progress: true, parts: 128 },
    async open({ identityWindowMs }) {
      const { pooled = false, ...some } = options;
      const made = free.pop() ?? (await makeDatabases(databases));
      const open = () =>
        openPostgres({ urls: pooled ? made.pooledUrls : made.urls, identityWindowMs, ...some });
      let store = await open();
      let aheadMs = 0;
      return {
        get store() {
          return store;
        },
        async reopen() {
          await store.stop();
          store = await open();
        },
        async advance(ms) {
          aheadMs += ms;
          await made.run(clockAhead(aheadMs));
        },
        async dispose() {
          await store.stop();
          await made.run(emptied);
          free.push(made);
        },
      };
    },
  };
}
