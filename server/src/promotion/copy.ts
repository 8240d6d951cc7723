/** The copying: page by page, several on their way at once, the place behind the last whole prefix kept in the target. */
import type { Copies, CopyKind, Counts, TransferSource, TransferTarget } from "../store/transfer.ts";
import { type Patience, patiently } from "./patience.ts";
import { type Left, leftFrom, placeBehind } from "./places.ts";
import { beginStage, type Progress } from "./progress.ts";
import type { Place } from "./standing.ts";

export interface Copying extends Patience {
  readonly source: TransferSource;
  readonly target: TransferTarget;
  readonly counts: Counts;
  readonly pageRows: number;
  /** Pages on their way to the target at once. */
  readonly lanes: number;
  tell(progress: Progress): void;
  /** Writes the place into the target. */
  keep(place: Place): Promise<void>;
}

const keepEveryMs = 1_000;

interface Sent {
  readonly put: Promise<{ readonly failure: unknown } | null>;
  readonly rows: number;
  readonly next: string | null;
}

/** False: told to stop, and the place is kept. */
export async function copyFrom(copying: Copying, from: Place): Promise<boolean> {
  for (const left of leftFrom(from)) if (!(await copyKind(copying, left))) return false;
  return true;
}

async function copyKind<K extends CopyKind>(copying: Copying, left: Left & { kind: K }): Promise<boolean> {
  const { source, target, signal, clock, counts, pageRows, lanes, tell, keep } = copying;
  const { kind } = left;
  const stage = beginStage(`copy ${kind}`, counts[kind], clock, tell, left.rows);
  const sent: Sent[] = [];
  let rows = left.rows;
  let keptAt = clock.now();
  let place: Place | null = null;

  const send = (copies: readonly Copies[K][], next: string | null): void => {
    const put = patiently(copying, () => target.put(kind, copies));
    sent.push({
      put: put.then(
        () => null,
        (failure: unknown) => ({ failure }),
      ),
      rows: copies.length,
      next,
    });
  };

  const settle = async (): Promise<void> => {
    const first = sent.shift()!;
    const failed = await first.put;
    if (failed !== null) throw failed.failure;
    rows += first.rows;
    place = placeBehind(kind, first.next, rows);
    stage.add(first.rows);
    if (clock.now() - keptAt < keepEveryMs && first.next !== null) return;
    await patiently(copying, () => keep(place!));
    keptAt = clock.now();
  };

  let after = left.after;
  try {
    do {
      if (signal.aborted) break;
      const page = await patiently(copying, () => source.page(kind, after, pageRows));
      send(page.copies, page.next);
      after = page.next;
      if (sent.length >= lanes) await settle();
    } while (after !== null);
    while (sent.length > 0) await settle();
  } finally {
    for (const one of sent) await one.put;
  }
  if (after !== null) {
    if (place !== null) await keep(place);
    return false;
  }
  stage.done();
  return true;
}
