import { expect, test } from "vitest";
import { Fault } from "../../src/store/sqlite/faults.ts";
import { startServer } from "../bad-days/server-process.ts";
import {
  end,
  expectAllThere,
  expectUnavailable,
  flags,
  preload,
  raiseStage,
  send,
  sendUntilTaken,
  setFault,
  timeout,
} from "../bad-days/workers-stage.ts";

test("invariant 1: the store's writer hangs where it can't be ended: 503, then recovery or a non-zero status, and nothing is lost", {
  timeout,
}, async () => {
  const stage = await raiseStage();
  await send(stage, 10);
  await expectAllThere(stage);
  await setFault(stage, { worker: "store-writer", fault: Fault.hangInSqlite });
  const [refused] = await send(stage, 1);
  expectUnavailable(refused!.answer!);
  void stage.server.exit.then(() => stage.gate.close());
  if ((await sendUntilTaken(stage, refused!.id)) === null) {
    expect(await stage.server.exit).not.toMatchObject({ code: 0 });
    stage.server = await startServer({ directory: stage.directory, flags, preload });
    stage.gate.open(stage.server.url);
    await sendUntilTaken(stage, refused!.id);
  }
  await expectAllThere(stage);
  await end(stage);
});
