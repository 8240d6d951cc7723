import { Failure } from "../../errors.ts";

/** Runs items as one, and answers for each in their order; one that is a promise is awaited by that caller alone. */
export type Run<K, Q, A> = (key: K, items: readonly Q[]) => Promise<readonly (A | Promise<A>)[]>;

export interface GatherOptions<Q> {
  /** Runs under way at a time, of each key. */
  readonly abreast: number;
  /** The most that runs together, by `weigh`; a single one may weigh more. */
  readonly most: number;
  weigh(item: Q): number;
}

interface Call<Q, A> {
  readonly item: Q;
  readonly resolve: (answer: A | Promise<A>) => void;
  readonly reject: (error: unknown) => void;
}

const usual: GatherOptions<unknown> = { abreast: 2, most: 128, weigh: () => 1 };
const waitingMost = 16_384;

/**
 * Calls of one turn of the loop run together, and so do those that are made while `abreast` runs are under way: a
 * thousand in a turn cost a few statements, and one alone waits for nobody.
 */
export function makeGather<K, Q, A>(
  run: Run<K, Q, A>,
  options: Partial<GatherOptions<Q>> = {},
): (key: K, item: Q) => Promise<A> {
  const { abreast, most, weigh } = { ...usual, ...options };
  const queues = new Map<K, { calls: Call<Q, A>[]; underWay: number; due: boolean }>();

  const flush = async (key: K): Promise<void> => {
    const queue = queues.get(key)!;
    queue.due = false;
    if (queue.underWay >= abreast || queue.calls.length === 0) return;
    let weight = weigh(queue.calls[0]!.item);
    let end = 1;
    for (; end < queue.calls.length; end++) {
      weight += weigh(queue.calls[end]!.item);
      if (weight > most) break;
    }
    const calls = queue.calls.splice(0, end);
    const items = calls.map((call) => call.item);
    queue.underWay += 1;
    const running = run(key, items);
    void flush(key);
    try {
      const answers = await running;
      calls.forEach((call, at) => {
        call.resolve(answers[at]!);
      });
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
    queue.underWay -= 1;
    void flush(key);
  };

  return (key, item) => {
    const queue = queues.get(key) ?? { calls: [], underWay: 0, due: false };
    queues.set(key, queue);
    if (queue.calls.length >= waitingMost) {
      const failure = new Failure("overloaded", "too many calls wait for PostgreSQL", {
        retryAfterMs: 1_000,
      });
      return Promise.reject(failure);
    }
    if (!queue.due && queue.underWay < abreast) {
      queue.due = true;
      queueMicrotask(() => void flush(key));
    }
    return new Promise((resolve, reject) => queue.calls.push({ item, resolve, reject }));
  };
}
