/**
 * The main thread's side of a worker: calls in, answers out.
 *
 * One group is under way at a time. Calls made meanwhile wait and travel together: that is the group commit, and
 * what makes a thousand reads in a tick cost one message each way.
 *
 *   starting -> ready <-> down -> failed
 *                 |        |
 *                 +--------+--> stopping -> stopped
 *
 * ready: the worker answers. down: it died or hung; calls are refused, and it is started again after a while.
 * failed: it can't be brought back, the process had better end.
 */
import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import { failureOf } from "./failure.ts";
import { startThread, type Thread, type ThreadOptions } from "./thread.ts";
import type { Answers } from "./wire.ts";

type Calls<C> = { readonly [K in keyof C]: (...args: never[]) => unknown };

export interface ChannelOptions
  extends Pick<ThreadOptions, "name" | "script" | "settings" | "startMs" | "endMs" | "troubled"> {
  readonly clock: Clock;
  /** A group that isn't answered for so long: the worker hangs. */
  readonly hangMs: number;
  /** The most calls in one group, and the most that wait. */
  readonly groupCalls: number;
  readonly queuedCalls: number;
  readonly random: () => number;
  grouped?(calls: number, tookMs: number): void;
  restarting(reason: Failure): void;
  restarted(): void;
  failed(failure: Failure): void;
}

export interface Answered<T> {
  readonly value: T;
  /** When it was committed, by the worker's clock. */
  readonly at: number;
}

export interface Channel<C extends Calls<C>> {
  start(): Promise<void>;
  /** Refuses what comes later, finishes what is queued, and closes the database once `last` has resolved. */
  stop(last?: Promise<unknown>): Promise<void>;
  call<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): Promise<Answered<ReturnType<C[K]>>>;
}

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly resolve: (answered: Answered<never>) => void;
  readonly reject: (failure: Failure) => void;
}

const restartsMost = 5;
const restartsWithinMs = 60_000;
const restartBackoff: Backoff = { baseMs: 200, maxMs: 5_000 };
const retryAfterMs = 1_000;

export function makeChannel<C extends Calls<C>>(options: ChannelOptions): Channel<C> {
  const { name, clock, hangMs, groupCalls, queuedCalls, random } = options;
  let state: "starting" | "ready" | "down" | "failed" | "stopping" | "stopped" = "starting";
  let thread: Thread | undefined;
  let opening: Promise<Thread> | undefined;
  let ending: Promise<boolean> | undefined;
  let queue: Call[] = [];
  let underWay: readonly Call[] = [];
  let startedAt = 0;
  let cancelHang = (): void => {};
  let cancelRestart = (): void => {};
  let flushDue = false;
  let failure = new Failure("unavailable", `the ${name} has not started`);
  let restarts: number[] = [];
  let idle = (): void => {};
  let stopping: Promise<void> | undefined;

  const unavailable = (message: string, cause: unknown): Failure =>
    new Failure("unavailable", message, { cause, retryAfterMs });

  const flush = (): void => {
    flushDue = false;
    if (underWay.length > 0 || !thread) return;
    if (queue.length === 0) return idle();
    underWay = queue.slice(0, groupCalls);
    queue = queue.slice(groupCalls);
    startedAt = clock.now();
    cancelHang = clock.after(hangMs, () => lose(unavailable(`the ${name} hangs`, undefined)));
    thread.post({ names: underWay.map((call) => call.name), args: underWay.map((call) => call.args) });
  };

  const answered = ({ answers, at }: Answers): void => {
    const calls = underWay;
    underWay = [];
    cancelHang();
    options.grouped?.(calls.length, clock.now() - startedAt);
    answers.forEach((answer, index) => {
      const call = calls[index]!;
      if ("failure" in answer) call.reject(failureOf(answer.failure));
      else call.resolve({ value: answer.value as never, at });
    });
    flush();
  };

  const rejectAll = (reason: Failure): void => {
    const calls = [...underWay, ...queue];
    underWay = [];
    queue = [];
    for (const call of calls) call.reject(reason);
    idle();
  };

  const fail = (reason: Failure): void => {
    state = "failed";
    failure = reason;
    options.failed(reason);
  };

  const open = async (): Promise<void> => {
    opening = startThread({
      ...options,
      answered,
      died: (reason) => lose(unavailable(`the ${name} died`, reason)),
    });
    thread = await opening;
    if (state === "stopping") return;
    state = "ready";
    if (restarts.length > 0) options.restarted();
    flush();
  };

  const restart = (): void => {
    const now = clock.now();
    restarts = restarts.filter((at) => at > now - restartsWithinMs);
    if (restarts.length >= restartsMost) return fail(failure);
    restarts.push(now);
    cancelRestart = clock.after(backoffMs(restartBackoff, restarts.length - 1, random()), () => {
      open().catch((reason: Failure) => {
        failure = reason;
        if (state === "down") restart();
      });
    });
  };

  const lose = (reason: Failure): void => {
    const lost = thread;
    thread = undefined;
    cancelHang();
    failure = reason;
    if (state === "ready") state = "down";
    options.restarting(reason);
    rejectAll(
      unavailable(`${reason.message}; whether it took effect is unknown, the same id is safe`, reason),
    );
    ending = lost?.terminate() ?? Promise.resolve(true);
    void ending.then((ended) => {
      if (state !== "down") return;
      if (ended) restart();
      else fail(new Failure("unavailable", `the ${name} hangs and can't be ended`, { cause: reason }));
    });
  };

  const stop = async (last?: Promise<unknown>): Promise<void> => {
    cancelRestart();
    const before = state;
    state = "stopping";
    if (before === "ready" && (queue.length > 0 || underWay.length > 0)) {
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    }
    await Promise.all([last, ending]);
    await opening?.catch(() => {});
    if (thread && !(await thread.close())) await thread.terminate();
    thread = undefined;
    state = "stopped";
  };

  return {
    start: open,
    stop(last) {
      stopping ??= stop(last);
      return stopping;
    },
    call(called, ...args) {
      if (stopping) return Promise.reject(new Failure("stopped", "the store is stopping"));
      if (state !== "ready")
        return Promise.reject(unavailable(`the ${name} is away: ${failure.message}`, failure));
      if (queue.length >= queuedCalls) {
        const message = `more than ${queuedCalls} calls wait for the ${name}`;
        return Promise.reject(new Failure("overloaded", message, { retryAfterMs }));
      }
      if (!flushDue && underWay.length === 0) {
        flushDue = true;
        queueMicrotask(flush);
      }
      return new Promise((resolve, reject) => queue.push({ name: called, args, resolve, reject }));
    },
  };
}
