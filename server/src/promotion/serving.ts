/** May this store be served? Asked at every start, before anything else is. */
import type { CoordinationDriver } from "../store/coordination.ts";
import { read, serving, standingFact, write } from "./standing.ts";

/** Why a store isn't served, and what to do about it; or what is worth a line in the log. */
export type MayServe =
  | { readonly problem: string }
  | {
      /** Null where there is nothing to say. */
      readonly note: string | null;
    };

/**
 * Says in the store that it is served, unless a promotion stands against it. `acceptRestore`: a store that was
 * promoted away is served all the same; the caller begins a new epoch.
 */
export async function takeForServing(
  facts: Pick<CoordinationDriver, "agree" | "amend">,
  { acceptRestore }: { readonly acceptRestore: boolean },
): Promise<MayServe> {
  const standing = read(await facts.agree(standingFact, write(serving)))!;
  const amended = async (note: string | null): Promise<MayServe> => {
    await facts.amend(standingFact, write(serving));
    return { note };
  };
  switch (standing.is) {
    case "serving":
      return { note: null };
    case "arrived":
      return amended(`serving what was promoted from ${standing.from}`);
    case "leaving":
      return amended(
        `a promotion to ${standing.to} was under way and is void now, because what is served changes: begin it again ` +
          "with an empty target",
      );
    case "left":
      if (acceptRestore)
        return amended(`served again, without what came since it was promoted to ${standing.to}`);
      return {
        problem:
          `this store was promoted to ${standing.to} on ${standing.at}, and what came since is there alone: serve that ` +
          "one. To go back with everything, copy it into a new data directory with `carillon promote --down`; to go on " +
          "here without what came since, start once with --accept-restore: a new epoch begins, and clients are told of the gap.",
      };
    case "arriving":
      return {
        problem:
          `this store holds a part of ${standing.from} (the copy stands at ${standing.at.stage}). Finish it with ` +
          "`carillon promote`, the same command as before; or empty this store.",
      };
  }
}

/**
 * Why a shared store isn't served by a process whose data directory holds a store of its own, which nobody would see
 * any more; null when that one was promoted. `fact`: how the one in the directory stands.
 */
export function whyNotBeside(directory: string, fact: string | null): string | null {
  if (read(fact)?.is === "left") return null;
  return (
    `${directory} holds data of its own, from when it was served without PostgreSQL, and nobody would see it any more. ` +
    "Take it along with `carillon promote`; or leave it where it is and give this process another --data-directory."
  );
}
