import { workerData } from "node:worker_threads";
import { openForReading } from "../connection.ts";
import { failureValueOf } from "../failure.ts";
import { makeFaultPoints } from "../faults.ts";
import { serve } from "../serve.ts";
import type { Answer, Handlers, WorkerSettings } from "../wire.ts";
import { makeAccessReads } from "./access.ts";
import { makeCoordinationReads } from "./coordination.ts";
import { makeDirectoryReads } from "./directory.ts";
import { makeGrantReads } from "./grants.ts";
import { makeInboxRead } from "./inbox.ts";
import { makePeopleReads } from "./people.ts";
import { makePositionReads } from "./positions.ts";
import { makeSpaceReads } from "./space.ts";
import { makeStreamReads } from "./streams.ts";
import { makeUnreadRead } from "./unread.ts";

const handlersOf = (db: ReturnType<typeof openForReading>, now: () => number) => {
  const unread = makeUnreadRead(db, now);
  return {
    ...makeStreamReads(db),
    ...makeSpaceReads(db),
    ...makeDirectoryReads(db),
    ...makeGrantReads(db),
    ...makePositionReads(db),
    unread: (user: string) => unread(user).packed,
    inbox: makeInboxRead(db, unread, now),
    ...makeAccessReads(db, now),
    ...makeCoordinationReads(db, now),
    ...makePeopleReads(db),
  };
};

export type ReaderCalls = ReturnType<typeof handlersOf>;

serve(() => {
  const settings = workerData as WorkerSettings;
  const db = openForReading(settings);
  const faults = makeFaultPoints(settings.faults, (sql) => db.exec(sql));
  const handlers: Handlers = handlersOf(db, faults.now);

  const invoke = (name: string, args: readonly unknown[]): Answer => {
    try {
      return { value: handlers[name]!(...(args as never[])) ?? null };
    } catch (error) {
      return { failure: failureValueOf(error) };
    }
  };

  return {
    /** One snapshot a group: what its calls see belongs together. */
    run({ names, args }) {
      try {
        db.exec("BEGIN");
        const answers = names.map((name, at) => invoke(name, args[at]!));
        faults.beforeCommit();
        db.exec("COMMIT");
        return { answers, at: 0 };
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        const failure = failureValueOf(error);
        return { answers: names.map(() => ({ failure })), at: 0 };
      }
    },
    close: () => db.close(),
  };
});
