import { describe } from "vitest";
import { examineApply } from "./apply.ts";
import { examineIdentity } from "./identity.ts";
import { examineReads } from "./reads.ts";
import type { StoreUnderTest } from "./suite.ts";
import { examineTakeBack } from "./take-back.ts";
import { examineWalks } from "./walks.ts";

export function examineStreams(name: string, subject: StoreUnderTest): void {
  describe(`streams on ${name}`, () => {
    examineApply(subject);
    examineIdentity(subject);
    examineReads(subject);
    examineTakeBack(subject);
    examineWalks(subject);
  });
}
