import { describe, expect, onTestFinished, test } from "vitest";
import type { Appended, LogDriver } from "../driver.ts";
import { drain, keys, type LogUnderTest, makeManualConsumer, record, records, storedFrom } from "./suite.ts";

export function examineAppend({ capabilities, open, streamIn }: LogUnderTest): void {
  const stream = streamIn(0, 1);
  const opened = async (): Promise<LogDriver> => {
    const log = await open(1);
    onTestFinished(() => log.stop());
    return log;
  };

  describe("append", () => {
    test("nothing is answered with nothing", async () => {
      const log = await opened();
      expect(await log.append([])).toEqual([]);
    });

    test("records are consumed in the order of their appends, and in an append's own order", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const sent = Array.from({ length: 40 }, (_, at) => records(stream, 1 + (at % 7)));
      const appends = sent.map((some) => log.append(some));
      const seen = await drain(manual, sent.flat().length);
      expect(keys(seen)).toEqual(keys(sent.flat()));
      await Promise.all(appends);
    });

    test("what was appended before anybody consumed is consumed", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      const sent = records(stream, 3);
      const append = log.append(sent);
      await log.consume(0, null, manual.consumer);
      expect(keys(await drain(manual, 3))).toEqual(keys(sent));
      await append;
    });

    test("a record arrives with everything that it left with", async () => {
      const log = await opened();
      const manual = makeManualConsumer();
      await log.consume(0, null, manual.consumer);
      const sent = {
        ...record(stream, '{"data":"\\u0000 \u{1F514} é"}'),
        silent: true,
        collapseKey: "état",
        expiresAt: 1_900_000_000_000,
        receipt: true,
        acceptedAt: 1_800_000_000_000.25,
      };
      const append = log.append([sent]);
      expect(await drain(manual, 1)).toEqual([sent]);
      await append;
    });

    if (capabilities.keepsOffsets) {
      test("invariant 1: an append is answered when it is durable, whether or not anybody consumes", async () => {
        const log = await opened();
        const answers = await log.append(records(stream, 2));
        expect(answers).toEqual([{ state: "appended" }, { state: "appended" }]);
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        expect(await drain(manual, 2)).toHaveLength(2);
      });
    } else {
      test("invariant 1: an append is answered after the consumer has committed it, not before", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        let answers: readonly Appended[] | undefined;
        const append = log.append(records(stream, 2)).then((answered) => {
          answers = answered;
        });
        const { settle } = await manual.next();
        await new Promise<void>((resolve) => setImmediate(resolve));
        expect(answers).toBeUndefined();
        settle([{ status: "stored", seq: 8 }, { status: "closed" }]);
        await append;
        expect(answers).toEqual([
          { state: "settled", outcome: { status: "stored", seq: 8 } },
          { state: "settled", outcome: { status: "closed" } },
        ]);
      });

      test("every append of a shared batch gets its own outcomes", async () => {
        const log = await opened();
        const manual = makeManualConsumer();
        await log.consume(0, null, manual.consumer);
        const first = log.append(records(stream, 1));
        const held = await manual.next();
        const appends = [2, 1, 3].map((count) => log.append(records(stream, count)));
        held.settle();
        await first;
        const { batch, settle } = await manual.next();
        settle(storedFrom(10, batch));
        const seqs = (await Promise.all(appends)).map((answers) =>
          answers.map(
            (answer) => answer.state === "settled" && "seq" in answer.outcome && answer.outcome.seq,
          ),
        );
        expect(seqs).toEqual([[10, 11], [12], [13, 14, 15]]);
      });
    }
  });
}
