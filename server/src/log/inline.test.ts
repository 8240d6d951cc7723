import { systemClock } from "../clock.ts";
import { examineLog } from "./conformance/log.ts";
import { makeInlineLog } from "./inline.ts";

examineLog("inline", {
  capabilities: {
    keepsOffsets: false,
    mostParts: 1,
    batch: { records: 2_000, bytes: 4 << 20 },
    queueRecords: 20_000,
  },
  async open() {
    const log = makeInlineLog({ clock: systemClock });
    await log.start();
    return log;
  },
  reopen: null,
  streamIn: () => "user:a",
});
