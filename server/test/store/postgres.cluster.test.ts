import { examineStreams } from "../../src/store/conformance/streams.ts";
import { postgresStore } from "./postgres-stage.ts";

const subjects = {
  PostgreSQL: postgresStore(1),
  "two PostgreSQL servers": postgresStore(2),
  "PostgreSQL through PgBouncer": postgresStore(1, { pooled: true }),
};

for (const [name, subject] of Object.entries(subjects)) {
  examineStreams(name, subject);
}
