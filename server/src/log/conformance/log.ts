import { describe } from "vitest";
import { examineAppend } from "./append.ts";
import { examineBatches } from "./batches.ts";
import { examineOffsets } from "./offsets.ts";
import { examineParts } from "./parts.ts";
import { examinePlaces } from "./places.ts";
import { examineStop } from "./stop.ts";
import type { LogUnderTest } from "./suite.ts";

/** The whole exam of a log driver. */
export function examineLog(name: string, log: LogUnderTest): void {
  describe(`log: ${name}`, () => {
    examineAppend(log);
    examineBatches(log);
    examineParts(log);
    examineOffsets(log);
    examinePlaces(log);
    examineStop(log);
  });
}
