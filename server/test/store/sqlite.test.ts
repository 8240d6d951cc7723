import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import type { StoreUnderTest } from "../../src/store/conformance/suite.ts";
import { makeFaults } from "../../src/store/sqlite/faults.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";

const sqlite: StoreUnderTest = {
  capabilities: { clock: "movable", progress: true, parts: 1 },
  async open({ identityWindowMs }) {
    const directory = mkdtempSync(join(tmpdir(), "carillon-store-"));
    const faults = makeFaults();
    const open = () => openSqlite({ directory, identityWindowMs, faults: faults.buffer });
    let store = await open();
    return {
      get store() {
        return store;
      },
      async reopen() {
        await store.stop();
        store = await open();
      },
      async advance(ms) {
        faults.advance(ms);
      },
      async dispose() {
        await store.stop();
        rmSync(directory, { recursive: true });
      },
    };
  },
};

examineStreams("SQLite", sqlite);
examineDirectory("SQLite", sqlite);
examinePolicy("SQLite", sqlite);
examineGrants("SQLite", sqlite);
// WALKS=10000 is the long form.
examinePositions("SQLite", sqlite, Number(process.env["WALKS"] ?? 100));
examineAccess("SQLite", sqlite);
examineCoordination("SQLite", sqlite);
examineRaces("SQLite", sqlite);
examineInbox("SQLite", sqlite);
examinePeople("SQLite", sqlite);
examineErasing("SQLite", sqlite);
examineRetention("SQLite", sqlite);
