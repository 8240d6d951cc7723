import { describe, expect, onTestFinished, test } from "vitest";
import type { LogDriver } from "../driver.ts";
import { type LogUnderTest, makeManualConsumer, records } from "./suite.ts";

export function examineStop({ capabilities, open, streamIn }: LogUnderTest): void {
  const stream = streamIn(0, 1);
  const opened = async (): Promise<LogDriver> => {
    const log = await open(1);
    onTestFinished(() => log.stop());
    return log;
  };

  describe("stop", () => {
    test("is idempotent, and later appends are refused as stopped", async () => {
      const log = await opened();
      await log.stop();
      await log.stop();
      await expect(log.append(records(stream, 1))).rejects.toMatchObject({ code: "stopped" });
    });

    test("a consumption's stop waits for the batch under way and no other follows", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      const consumption = await log.consume(0, null, manual.consumer);
      const append = log.append(records(stream, 1));
      const { settle } = await manual.next();
      const behind = log.append(records(stream, 1)).catch(() => "refused");
      let stopped = false;
      const stopping = consumption.stop().then(() => {
        stopped = true;
      });
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(stopped).toBe(false);
      settle();
      await stopping;
      await append;
      expect(manual.pending()).toBe(0);
      await log.stop();
      await behind;
    });

    if (capabilities.keepsOffsets) {
      test("what was appended and not consumed is left for the next start", async () => {
        const log = await opened();
        expect(await log.append(records(stream, 1))).toEqual([{ state: "appended" }]);
        await log.stop();
      });
    } else {
      test("invariant 1: stop lets everything that waits be committed and answered", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const appends = [log.append(records(stream, 1))];
        const held = await manual.next();
        appends.push(log.append(records(stream, 2)), log.append(records(stream, 3)));
        const stopping = log.stop();
        await expect(log.append(records(stream, 1))).rejects.toMatchObject({ code: "stopped" });
        held.settle();
        (await manual.next()).settle();
        await stopping;
        expect((await Promise.all(appends)).map((answers) => answers.length)).toEqual([1, 2, 3]);
      });

      test("without a consumer, what waits is refused as stopped", async () => {
        const log = await opened();
        const append = log.append(records(stream, 1));
        const refused = expect(append).rejects.toMatchObject({ code: "stopped" });
        await log.stop();
        await refused;
      });
    }
  });
}
