import { sqlstateOf } from "./failure.ts";

/**
 * About values and not about the server: data exceptions, violated constraints, what passes a limit of the program's
 * (an index's row), numbers that can't be written.
 */
export const isAboutValues = (error: unknown): boolean =>
  /^(2[23]|54)/.test(sqlstateOf(error)) || error instanceof RangeError;

interface Bad {
  readonly at: number;
  readonly reason: string;
}

/** Which of the items `attempt` fails for, by halves; it is called with some of them and leaves nothing behind. */
export async function findBad<T>(
  items: readonly T[],
  attempt: (some: readonly T[]) => Promise<unknown>,
): Promise<readonly Bad[]> {
  const search = async (from: number, to: number): Promise<Bad[]> => {
    try {
      await attempt(items.slice(from, to));
      return [];
    } catch (error) {
      if (!isAboutValues(error)) throw error;
      if (to - from === 1) return [{ at: from, reason: (error as Error).message }];
    }
    const middle = (from + to) >> 1;
    return [...(await search(from, middle)), ...(await search(middle, to))];
  };
  return search(0, items.length);
}
