import { describe, expect, onTestFinished, test } from "vitest";
import { Failure } from "../../errors.ts";
import type { LogDriver } from "../driver.ts";
import { drain, keys, type LogUnderTest, makeManualConsumer, records } from "./suite.ts";

export function examineBatches({ capabilities, open, streamIn }: LogUnderTest): void {
  const stream = streamIn(0, 1);
  const opened = async (): Promise<LogDriver> => {
    const log = await open(1);
    onTestFinished(() => log.stop());
    return log;
  };

  describe("batches", () => {
    test("one is under way at a time; what comes meanwhile forms the next", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const first = log.append(records(stream, 1));
      const held = await manual.next();
      const sent = Array.from({ length: 10 }, () => records(stream, 2));
      const appends = sent.map((some) => log.append(some));
      if (capabilities.keepsOffsets) await Promise.all(appends);
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(manual.pending()).toBe(0);
      held.settle();
      expect(keys(await drain(manual, 20))).toEqual(keys(sent.flat()));
      expect(manual.mostUnderWay()).toBe(1);
      await Promise.all([first, ...appends]);
    });

    test("none holds more records than declared, and an append of more still arrives whole", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const sent = records(stream, capabilities.batch.records * 2 + 1);
      const append = log.append(sent);
      const seen: string[] = [];
      while (seen.length < sent.length) {
        const { batch, settle } = await manual.next();
        expect(batch.records.length).toBeLessThanOrEqual(capabilities.batch.records);
        seen.push(...keys(batch.records));
        settle();
      }
      expect(seen).toEqual(keys(sent));
      expect(await append).toHaveLength(sent.length);
    });

    test("none holds more bytes than declared", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const body = JSON.stringify("é".repeat(20_000));
      const count = Math.ceil((capabilities.batch.bytes * 2) / Buffer.byteLength(body));
      // Some by themselves, and more than a batch holds in one append.
      const appends = records(stream, count, body).map((one) => log.append([one]));
      appends.push(log.append(records(stream, count, body)));
      let seen = 0;
      while (seen < count * 2) {
        const { batch, settle } = await manual.next();
        const bytes = batch.records.reduce((sum, one) => sum + Buffer.byteLength(one.body), 0);
        expect(bytes).toBeLessThanOrEqual(capabilities.batch.bytes);
        seen += batch.records.length;
        settle();
      }
      await Promise.all(appends);
    });

    if (capabilities.queueRecords === null) {
      test("without a bound of its own, the log takes what comes", async () => {
        const log = await opened();
        await log.append(records(stream, capabilities.batch.records * 5));
      });
    } else {
      const most = capabilities.queueRecords;
      test("an append beyond the bound is refused as overloaded, and taken again once there is room", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const appends = [log.append(records(stream, 1))];
        const held = await manual.next();
        appends.push(log.append(records(stream, most - 1)));
        const refused = await log.append(records(stream, 1)).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(Failure);
        expect(refused).toMatchObject({ code: "overloaded", retryAfterMs: expect.any(Number) });
        held.settle();
        await drain(manual, most - 1);
        await Promise.all(appends);
        const again = log.append(records(stream, 1));
        await drain(manual, 1);
        await again;
      });
    }
  });
}
