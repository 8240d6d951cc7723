/**
 * What travels between the main thread and a worker: calls by name, a group of them in one message, and as many
 * answers in one message back. Structured clone pays by the object, so records travel as columns.
 */
import type { FailureValue } from "./failure.ts";

export type Handlers = { readonly [name: string]: (...args: never[]) => unknown };

export interface Group {
  readonly names: readonly string[];
  readonly args: readonly (readonly unknown[])[];
}

export type Answer = { readonly value: unknown } | { readonly failure: FailureValue };

export interface Answers {
  readonly answers: readonly Answer[];
  /** When the group was committed, by the worker's clock. */
  readonly at: number;
}

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "refused"; readonly failure: FailureValue }
  | { readonly type: "answers"; readonly answers: Answers }
  /** Something that no call is answered with went wrong. */
  | { readonly type: "trouble"; readonly failure: FailureValue };

export type ToWorker = { readonly type: "group"; readonly group: Group } | { readonly type: "close" };

export interface WorkerSettings {
  readonly file: string;
  readonly identityWindowMs: number;
  readonly cacheBytes: number;
  readonly cachedStreams: number;
  readonly faults: SharedArrayBuffer | undefined;
}
