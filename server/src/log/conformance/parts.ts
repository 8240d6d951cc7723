import { describe, expect, onTestFinished, test } from "vitest";
import { keys, type LogUnderTest, makeManualConsumer, records } from "./suite.ts";

export function examineParts({ capabilities, open, streamIn }: LogUnderTest): void {
  describe("parts", () => {
    test("the log says how many it has", async () => {
      const log = await open(capabilities.mostParts);
      onTestFinished(() => log.stop());
      expect(log.parts).toBe(capabilities.mostParts);
    });

    if (capabilities.mostParts === 1) {
      test("with one part, every stream is in it", async () => {
        const log = await open(1);
        onTestFinished(() => log.stop());
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const append = log.append([...records("user:a", 1), ...records("topic:b", 1)]);
        const { batch, settle } = await manual.next();
        expect(batch.part).toBe(0);
        expect(batch.records.map(({ stream }) => stream)).toEqual(["user:a", "topic:b"]);
        settle();
        await append;
      });
      return;
    }

    test("each part has its own records in their order, and a busy part holds up no other", async () => {
      const log = await open(2);
      onTestFinished(() => log.stop());
      const consumers = [makeManualConsumer(), makeManualConsumer()] as const;
      await log.consume(0, null, consumers[0].consumer);
      await log.consume(1, null, consumers[1].consumer);
      const mixed = Array.from({ length: 10 }, (_, at) => records(streamIn(at % 2, 2), 1)).flat();
      const append = log.append(mixed);
      const busy = await consumers[0].next();
      const other: string[] = [];
      while (other.length < 5) {
        const { batch, settle } = await consumers[1].next();
        expect(batch.part).toBe(1);
        other.push(...keys(batch.records));
        settle();
      }
      expect(other).toEqual(keys(mixed.filter((_, at) => at % 2 === 1)));
      expect(keys(busy.batch.records)[0]).toBe(mixed[0]!.key);
      busy.settle();
      await append;
    });
  });
}
