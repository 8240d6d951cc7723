import { type Problem, type ProblemCode, problem } from "@carillon/protocol/problems";
import type { Failure, FailureCode } from "./errors.ts";

const codes: Record<FailureCode, ProblemCode> = {
  unavailable: "unavailable",
  full: "storage-full",
  "read-only": "storage-read-only",
  corrupt: "internal",
  foreign: "internal",
  unusable: "unavailable",
  diverged: "unavailable",
  locked: "unavailable",
  overloaded: "overloaded",
  stopped: "draining",
};

const details: Record<FailureCode, string> = {
  unavailable: "whether it took effect is unknown; send the same again, with the same id",
  full: "there is no space left to write",
  "read-only": "the storage can't be written to",
  corrupt: "the stored data is damaged",
  foreign: "the stored data is of another program or version",
  unusable: "the server is not set up right",
  diverged: "the store and the log don't go together; an operator must decide",
  locked: "the data is in use by another process",
  overloaded: "more is under way than is allowed",
  stopped: "the server is shutting down",
};

const usualRetryMs = 1_000;

/** What a failure is to whoever asked. Its message and cause are for the log only: they may name paths and hosts. */
export function failureProblem({ code, retryAfterMs }: Failure): Problem {
  const retryMs = retryAfterMs ?? usualRetryMs;
  return codes[code] === "internal"
    ? problem("internal", details[code])
    : problem(codes[code], details[code], { retryMs, jitterMs: retryMs });
}
