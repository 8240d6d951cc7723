import { describe, expect, onTestFinished, test } from "vitest";
import type { LogDriver } from "../driver.ts";
import { drain, type LogUnderTest, makeManualConsumer, records } from "./suite.ts";

export function examinePlaces({ capabilities, open, reopen, streamIn }: LogUnderTest): void {
  const stream = streamIn(0, 1);
  const opened = async (): Promise<LogDriver> => {
    const log = await open(1);
    onTestFinished(() => log.stop());
    return log;
  };

  describe("places", () => {
    if (!capabilities.keepsOffsets) {
      test("without offsets there are none, and nothing is witnessed", async () => {
        const log = await opened();
        log.witness(0, "7");
        expect(await log.place(0)).toBeNull();
      });
      return;
    }

    test("a new log begins where it ends, and nothing is witnessed", async () => {
      const log = await opened();
      expect(await log.place(0)).toEqual({ first: "0", end: "0", witnessed: null });
    });

    test("the end is where the last batch led to", async () => {
      const log = await opened();
      await log.append(records(stream, 5));
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      let to = "0";
      for (let seen = 0; seen < 5; ) {
        const { batch, settle } = await manual.next();
        seen += batch.records.length;
        to = batch.progress!.to;
        settle();
      }
      expect(await log.place(0)).toMatchObject({ first: "0", end: to });
    });

    test("what was witnessed last is told, part by part, also to the next process", async () => {
      const log = await open(2);
      log.witness(0, "3");
      log.witness(1, "9");
      log.witness(1, "11");
      expect((await log.place(1))?.witnessed).toBe("11");
      await log.stop();
      const next = await reopen!(log);
      onTestFinished(() => next.stop());
      expect((await next.place(0))?.witnessed).toBe("3");
      expect((await next.place(1))?.witnessed).toBe("11");
    });

    test("a store that went back lowers what is witnessed", async () => {
      const log = await opened();
      log.witness(0, "5");
      log.witness(0, "2");
      expect((await log.place(0))?.witnessed).toBe("2");
    });

    test("an offset that isn't in the log is told, never passed over", async () => {
      const log = await opened();
      await log.append(records(stream, 2));
      const manual = makeManualConsumer();
      const consumption = await log.consume(0, "1000", manual.consumer);
      expect(await consumption.failed).toMatchObject({ code: "diverged" });
      await log.append(records(stream, 1));
      await consumption.stop();
      expect(manual.pending()).toBe(0);
      const again = makeManualConsumer();
      await log.consume(0, null, again.consumer);
      expect(await drain(again, 3)).toHaveLength(3);
    });
  });
}
