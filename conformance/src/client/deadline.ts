/** How long anything may take before it counts as never coming. Generous: what it cuts short has failed. */
export const patienceMs = 15_000;

/** Rejects with `what` when the promise takes too long. */
export async function within<T>(promise: Promise<T>, what: () => string, ms = patienceMs): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`after ${ms / 1_000} s: ${what()}`)), ms);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks again until the answer is there: for what becomes true without anybody being told. */
export async function eventually<T>(what: string, ask: () => Promise<T | null>, ms = patienceMs): Promise<T> {
  const endsAt = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > endsAt) throw new Error(`after ${ms / 1_000} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
