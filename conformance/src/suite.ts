/** The exam: registers its tests with vitest. What sits it is asked for when the first test runs. */
import { describe, vi } from "vitest";
import { missedFirst } from "./receiving/missed-first.ts";
import { oneCursor } from "./receiving/one-cursor.ts";
import { answers } from "./sending/answers.ts";
import { forms } from "./sending/forms.ts";
import { makeServer } from "./server.ts";
import type { Target } from "./target.ts";

/** Every test has users, topics and ids of its own, so they run beside each other, and beside other traffic. */
export function conformance(target: () => Target): void {
  vi.setConfig({ maxConcurrency: 24, testTimeout: 60_000 });
  const server = makeServer(target);
  describe.concurrent("what a producer is answered", () => answers(server));
  describe.concurrent("forms of sending", () => forms(server));
  describe.concurrent("missed first, then live", () => missedFirst(server));
  describe.concurrent("one cursor", () => oneCursor(server));
}
