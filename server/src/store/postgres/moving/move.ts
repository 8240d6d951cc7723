/**
 * A part from one server of a store to another, while everything runs.
 *
 * 1. Copy: what is there now goes over; nothing is held up. The other server marks the part `arriving`.
 * 2. Freeze: writes to the part are refused with `unavailable` from now on (callers try again), reads go on. What was
 *    written since the first step goes over, then everything that isn't a notification; both are compared.
 * 3. Hand over: the part is `gone` here, then `here` there. Processes find out by the refusal of the next statement.
 * 4. Clear: the old rows are removed.
 *
 * A move that fails before the third step thaws the part and leaves it where it was. One that was killed is taken up by
 * the same call; a call that moves a part to where it is takes a frozen one back.
 */
import { Failure } from "../../../errors.ts";
import type { Shard } from "../shard.ts";
import { makeDays } from "../transfer/days.ts";
import { bulk } from "../transfer/pages.ts";
import { clearPart, moveRows, tally } from "./rows.ts";

type State = "here" | "frozen" | "arriving" | "gone";

export interface MoveProgress {
  readonly part: number;
  readonly step: "copying" | "frozen" | "handed-over" | "done";
  /** Notifications that went over. */
  readonly rows: number;
}

export interface MoveOptions {
  readonly part: number;
  /** In the order of their numbers. */
  readonly shards: readonly Shard[];
  readonly to: number;
  /** Given to stop before the part is frozen; then it stays where it is. */
  readonly signal: AbortSignal;
  tell(progress: MoveProgress): void;
}

const partLock = 1_131_572_846;

const stateOf = async (shard: Shard, part: number): Promise<State | null> =>
  (await shard.query<{ state: State }>("SELECT state FROM parts WHERE part = $1", [part]))[0]?.state ?? null;

const mark = (shard: Shard, part: number, state: State): Promise<void> =>
  shard.transaction(async (query) => {
    await query("SELECT pg_advisory_xact_lock($1, $2)", [partLock, part]);
    await query(
      "INSERT INTO parts(part, state) VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET state = excluded.state",
      [part, state],
    );
  }, bulk);

/** The oldest transaction under way: what is older is in every snapshot from now on. */
const oldestUnderWay = async (shard: Shard): Promise<string> => {
  const [row] = await shard.query<{ xmin: string }>(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin",
    [],
  );
  return row!.xmin;
};

const differences = (
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): string[] => Object.keys({ ...one, ...other }).filter((name) => one[name] !== other[name]);

/** `moved`, or that it was there already; rejects with a Failure, the part where it was and open to writes. */
export async function movePart({ part, shards, to, signal, tell }: MoveOptions): Promise<"moved" | "there"> {
  const target = shards[to]!;
  const states = await Promise.all(shards.map((shard) => stateOf(shard, part)));
  const source = shards[states.findIndex((state) => state === "here" || state === "frozen")];

  const clear = async (): Promise<void> => {
    for (const [at, shard] of shards.entries()) {
      if (shard !== target && (states[at] === "gone" || shard === source)) await clearPart(shard, part);
    }
  };

  if (source === undefined) {
    // It was handed over and not taken yet.
    if (states[to] !== "arriving") {
      throw new Failure("unavailable", `part ${part} is on its way to another server: move it there first`);
    }
    await mark(target, part, "here");
    await clear();
    return "moved";
  }
  if (source === target) {
    if (states[to] === "frozen") await mark(target, part, "here");
    await clear();
    return "there";
  }

  let rows = 0;
  const wrote = (count: number): void => {
    rows += count;
    tell({ part, step: "copying", rows });
  };
  await mark(target, part, "arriving");
  await clearPart(target, part);
  const days = makeDays(target);
  const mover = await moveRows(part, source, target, days.need);
  const since = await oldestUnderWay(source);
  await mover.streams(null, wrote);
  if (signal.aborted) throw new Failure("stopped", `part ${part} stays where it was`);

  await mark(source, part, "frozen");
  tell({ part, step: "frozen", rows });
  try {
    await mover.people();
    await mover.streams(since, wrote);
    const differing = differences(await tally(source, part), await tally(target, part));
    if (differing.length > 0) {
      throw new Failure("unavailable", `part ${part} differs on the other server in ${differing.join(", ")}`);
    }
  } catch (error) {
    await mark(source, part, "here");
    throw error;
  }
  await mark(source, part, "gone");
  await mark(target, part, "here");
  tell({ part, step: "handed-over", rows });
  await clear();
  tell({ part, step: "done", rows });
  return "moved";
}
