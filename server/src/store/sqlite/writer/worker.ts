import { workerData } from "node:worker_threads";
import { openForWriting } from "../connection.ts";
import { makeFaultPoints } from "../faults.ts";
import { serve } from "../serve.ts";
import type { WorkerSettings } from "../wire.ts";
import { makeAccessWrites } from "./access.ts";
import { makeApply } from "./apply.ts";
import { makeCheckpoints } from "./checkpoints.ts";
import { makeCoordinationWrites } from "./coordination.ts";
import { makeDirectoryWrites } from "./directory.ts";
import { type Erasing, makeErasing } from "./erasing.ts";
import { makeGrantWrites } from "./grants.ts";
import { makeGroupRunner } from "./group.ts";
import { makeIdentities } from "./identities.ts";
import { makeMarkWrites } from "./marks.ts";
import { makePeopleWrites } from "./people.ts";
import { makePositionWrites } from "./positions.ts";
import { makeRetention } from "./retention.ts";
import { makeStreamCache } from "./stream-cache.ts";
import { makeTakeBack } from "./take-back.ts";
import { makeUpkeep } from "./upkeep.ts";
import type { Writing } from "./writing.ts";

const handlersOf = (writing: Writing, erasing: Erasing) => ({
  apply: makeApply(writing),
  ...makeTakeBack(writing),
  ...makeUpkeep(writing, erasing),
  beginErasing: erasing.beginErasing,
  continueErasing: erasing.continueErasing,
  ...makeRetention(writing),
  ...makeDirectoryWrites(writing),
  ...makeGrantWrites(writing),
  ...makePositionWrites(writing),
  ...makeMarkWrites(writing),
  ...makeAccessWrites(writing),
  ...makeCoordinationWrites(writing),
  ...makePeopleWrites(writing),
});

export type WriterCalls = ReturnType<typeof handlersOf>;

serve(() => {
  const settings = workerData as WorkerSettings;
  const db = openForWriting(settings);
  const faults = makeFaultPoints(settings.faults, (sql) => db.exec(sql));
  const streams = makeStreamCache(db, settings.cachedStreams);
  const identities = makeIdentities(db, settings.identityWindowMs);
  const checkpoints = makeCheckpoints(db);
  let now = 0;
  const writing = { db, streams, identities, now: () => now };
  const erasing = makeErasing(writing);
  const handlers = handlersOf(writing, erasing);
  const run = makeGroupRunner({
    db,
    handlers,
    looks: new Set<keyof WriterCalls>(["find"]),
    faults,
    begin() {
      now = faults.now();
    },
    step: identities.step,
    committed: identities.committed,
    rolledBack(whole) {
      streams.forget();
      identities.rolledBack(whole);
    },
  });
  return {
    run,
    rest() {
      checkpoints.rest();
      if (erasing.isDone() && checkpoints.clean()) erasing.cleaned();
    },
    close() {
      checkpoints.finish();
      db.close();
    },
  };
});
