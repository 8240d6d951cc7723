/**
 * A promotion: from one store into another, resumed where it was, compared, and both told.
 *
 * The source is marked as left before the target is marked as arrived: whenever this ends, at most one of the two may
 * be served.
 */
import { randomUUID } from "node:crypto";
import type { Counts, TransferSource, TransferTarget } from "../store/transfer.ts";
import { compare } from "./compare.ts";
import { copyFrom } from "./copy.ts";
import { meet } from "./meeting.ts";
import { type Patience, patiently } from "./patience.ts";
import { beginStage, type Progress } from "./progress.ts";
import { type Place, read, type Standing, standingFact, write } from "./standing.ts";

export interface Promotion extends Patience {
  readonly source: TransferSource;
  readonly target: TransferTarget;
  /** The source is given up for the target, and marked so; else the target is a copy. */
  readonly moves: boolean;
  /** Facts that go along, such as what tokens are signed with. */
  readonly facts: ReadonlyMap<string, string>;
  tell(progress: Progress): void;
  readonly pageRows?: number;
  readonly lanes?: number;
}

export type Ended =
  | { readonly is: "done"; readonly counts: Counts }
  | { readonly is: "already"; readonly why: string }
  | { readonly is: "refused"; readonly why: string }
  | { readonly is: "differs"; readonly differences: readonly string[] }
  | { readonly is: "stopped" };

const standingOf = async (side: TransferSource): Promise<Standing | null> =>
  read(await side.fact(standingFact));

export async function promote(promotion: Promotion): Promise<Ended> {
  const { source, target, moves, facts, clock, tell } = promotion;
  const ask = <T>(call: () => Promise<T>): Promise<T> => patiently(promotion, call);
  const verdict = meet({
    source: { name: source.name, standing: await ask(() => standingOf(source)) },
    target: {
      name: target.name,
      standing: await ask(() => standingOf(target)),
      counts: await ask(() => target.counts()),
    },
    id: randomUUID(),
    moves,
  });
  if (verdict.go === "no") return { is: "refused", why: verdict.why };
  if (verdict.go === "nowhere") return { is: "already", why: verdict.why };

  const { id, from } = verdict;
  const arriving = (at: Place): string => write({ is: "arriving", id, from: source.name, at });
  if (moves && from.stage !== "verify") {
    await source.amend(standingFact, write({ is: "leaving", id, to: target.name }));
  }
  const agreed = read(await ask(() => target.agree(standingFact, arriving(from))));
  if (agreed?.is !== "arriving" || agreed.id !== id) {
    return { is: "refused", why: `${target.name} was taken by somebody else just now` };
  }
  await ask(() => source.epoch().then((epoch) => target.begin(epoch)));
  for (const [name, value] of facts) await ask(() => target.amend(name, value));

  const counts = await ask(() => source.counts());
  const keep = (at: Place): Promise<void> => target.amend(standingFact, arriving(at));
  const { pageRows = 2_000, lanes = 4 } = promotion;
  if (!(await copyFrom({ ...promotion, counts, pageRows, lanes, keep }, from))) return { is: "stopped" };
  if (from.stage !== "verify") {
    const stage = beginStage("finish", null, clock, tell);
    await ask(() => target.finish());
    await ask(() => keep({ stage: "verify", place: null, rows: 0 }));
    stage.done();
  }
  const compared = await compare({ ...promotion, counts, pageRows });
  if (compared === "stopped") return { is: "stopped" };
  if (compared.differences.length > 0) return { is: "differs", differences: compared.differences };
  if (moves) {
    const at = new Date(clock.now()).toISOString();
    await source.amend(standingFact, write({ is: "left", id, to: target.name, at }));
  }
  await ask(() => target.amend(standingFact, write({ is: "arrived", id, from: source.name })));
  return { is: "done", counts };
}

/** Compares once more what was promoted and hasn't been served since. */
export async function verify(
  promotion: Patience & Pick<Promotion, "source" | "target" | "tell">,
): Promise<Ended> {
  const { source, target } = promotion;
  const ask = <T>(call: () => Promise<T>): Promise<T> => patiently(promotion, call);
  const standing = await ask(() => standingOf(target));
  if (standing?.is !== "arrived") {
    const why =
      standing?.is === "arriving"
        ? "the promotion isn't finished; run it again, it ends with the comparison"
        : standing === null
          ? `${target.name} was not promoted`
          : `${target.name} has been served since, and differs by what came since`;
    return { is: "refused", why };
  }
  const counts = await ask(() => source.counts());
  const compared = await compare({ ...promotion, counts, pageRows: 2_000 });
  if (compared === "stopped") return { is: "stopped" };
  if (compared.differences.length > 0) return { is: "differs", differences: compared.differences };
  return { is: "done", counts };
}
