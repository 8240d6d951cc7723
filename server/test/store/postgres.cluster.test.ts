import { examineAccess } from "../../src/store/conformance/access.ts";
import { examineCoordination } from "../../src/store/conformance/coordination.ts";
import { examineDirectory } from "../../src/store/conformance/directory.ts";
import { examineErasing } from "../../src/store/conformance/erasing.ts";
import { examineGrants } from "../../src/store/conformance/grants.ts";
import { examineInbox } from "../../src/store/conformance/inbox.ts";
import { examinePeople } from "../../src/store/conformance/people.ts";
import { examinePolicy } from "../../src/store/conformance/policy.ts";
import { examinePositions } from "../../src/store/conformance/positions.ts";
import { examineRaces } from "../../src/store/conformance/races.ts";
import { examineRetention } from "../../src/store/conformance/retention.ts";
import { examineStreams } from "../../src/store/conformance/streams.ts";
import { postgresStore } from "./postgres-stage.ts";

const subjects = {
  PostgreSQL: postgresStore(1),
  "two PostgreSQL servers": postgresStore(2),
  "PostgreSQL through PgBouncer": postgresStore(1, { pooled: true }),
};

for (const [name, subject] of Object.entries(subjects)) {
  examineStreams(name, subject);
  examineDirectory(name, subject);
  examinePolicy(name, subject);
  examineGrants(name, subject);
  examinePositions(name, subject, Number(process.env["WALKS"] ?? 20));
  examineAccess(name, subject);
  examineRaces(name, subject);
  examinePeople(name, subject);
  examineErasing(name, subject);
  examineCoordination(name, subject);
  examineInbox(name, subject);
  examineRetention(name, subject);
}
