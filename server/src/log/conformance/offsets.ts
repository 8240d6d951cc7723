import { describe, expect, onTestFinished, test } from "vitest";
import { Failure } from "../../errors.ts";
import type { LogDriver } from "../driver.ts";
import { drain, keys, type LogUnderTest, makeManualConsumer, records } from "./suite.ts";

export function examineOffsets({ capabilities, open, reopen, streamIn }: LogUnderTest): void {
  const stream = streamIn(0, 1);
  const opened = async (): Promise<LogDriver> => {
    const log = await open(1);
    onTestFinished(() => log.stop());
    return log;
  };
  const failure = new Failure("unavailable", "the store is away", { retryAfterMs: 250 });

  if (!capabilities.keepsOffsets) {
    describe("without offsets", () => {
      test("batches carry no progress", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const append = log.append(records(stream, 1));
        const { batch, settle } = await manual.next();
        expect(batch.progress).toBeNull();
        expect(batch.rejected).toEqual([]);
        settle();
        await append;
      });

      test("a rejected batch rejects its appends, all with that failure, and the log goes on", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const first = log.append(records(stream, 1));
        const held = await manual.next();
        const appends = [log.append(records(stream, 2)), log.append(records(stream, 1))];
        held.settle();
        await first;
        (await manual.next()).reject(failure);
        const settled = await Promise.allSettled(appends);
        expect(settled).toEqual([
          { status: "rejected", reason: failure },
          { status: "rejected", reason: failure },
        ]);
        const next = log.append(records(stream, 1));
        await drain(manual, 1);
        await next;
      });

      test("an append over several batches is rejected with the first that fails; its rest isn't offered", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const large = log.append(records(stream, capabilities.batch.records * 3));
        const small = records(stream, 1);
        const behind = log.append(small);
        (await manual.next()).settle();
        (await manual.next()).reject(failure);
        await expect(large).rejects.toBe(failure);
        expect(keys(await drain(manual, 1))).toEqual(keys(small));
        await behind;
      });

      test("what a consumer throws that isn't a Failure is passed on as unavailable, with its cause", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const cause = new TypeError("a bug");
        const append = log.append(records(stream, 1));
        (await manual.next()).reject(cause);
        await expect(append).rejects.toMatchObject({ code: "unavailable", cause });
      });
    });
    return;
  }

  describe("offsets", () => {
    test("each batch goes on where the one before ended", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      await log.append(records(stream, 1));
      const one = await manual.next();
      await log.append(records(stream, 3));
      one.settle();
      const two = await manual.next();
      expect(two.batch.progress?.from).toBe(one.batch.progress?.to);
      expect(two.batch.progress?.to).not.toBe(two.batch.progress?.from);
      two.settle();
    });

    test("invariant 1: at least once: from an offset, everything behind it comes again in the same order", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      const before = await log.consume(0, null, manual.consumer);
      await log.append(records(stream, 2));
      const one = await manual.next();
      one.settle();
      const sent = records(stream, 5);
      await log.append(sent);
      await drain(manual, 5);
      await before.stop();
      const again = makeManualConsumer();
      await log.consume(0, one.batch.progress!.to, again.consumer);
      expect(keys(await drain(again, 5))).toEqual(keys(sent));
    });

    test("invariant 1: what was answered outlives its process, and is read by the next", async () => {
      const log = await opened();
      const sent = records(stream, 4);
      await log.append(sent.slice(0, 2));
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const unsettled = await manual.next();
      await log.append(sent.slice(2));
      const next = await reopen!(log);
      onTestFinished(() => next.stop());
      const again = makeManualConsumer();
      await next.consume(0, unsettled.batch.progress!.from, again.consumer);
      expect(keys(await drain(again, 4))).toEqual(keys(sent));
      unsettled.reject(failure);
    });

    test("a consumer that rejects is fed nothing more, and takes up from any place it wants", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      const before = await log.consume(0, null, manual.consumer);
      const sent = records(stream, 3);
      await log.append(sent);
      (await manual.next()).reject(failure);
      await before.stop();
      await log.append(records(stream, 1));
      expect(manual.pending()).toBe(0);
      const again = makeManualConsumer();
      await log.consume(0, null, again.consumer);
      expect(keys(await drain(again, 4)).slice(0, 3)).toEqual(keys(sent));
    });
  });
}
