import { Failure } from "../../errors.ts";

/** Runs items as one, and answers for each in their order. */
export type Run<K, Q, A> = (key: K, items: readonly Q[]) => Promise<readonly A[]>;

interface Call<Q, A> {
  readonly item: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

const itemsMost = 128;
const waitingMost = 16_384;

/**
 * Calls of one turn of the loop run together, and so do those that are made while `abreast` runs are under way: a
 * thousand in a turn cost a few statements, and one alone waits for nobody.
 */
export function makeGather<K, Q, A>(run: Run<K, Q, A>, abreast = 2): (key: K, item: Q) => Promise<A> {
  const queues = new Map<K, { calls: Call<Q, A>[]; underWay: number; due: boolean }>();

  const flush = async (key: K): Promise<void> => {
    const queue = queues.get(key)!;
    queue.due = false;
    if (queue.underWay >= abreast || queue.calls.length === 0) return;
    const calls = queue.calls.splice(0, itemsMost);
    const items = calls.map((call) => call.item);
    queue.underWay += 1;
    void flush(key);
    try {
      const answers = await run(key, items);
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
