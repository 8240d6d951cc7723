/** How far a stage is, and how long it will take. Pure but for the clock that it is given. */
import type { Clock } from "../clock.ts";

export interface Progress {
  /** `copy notifications`, `finish`, `compare streams`, ... */
  readonly stage: string;
  readonly rows: number;
  /** Null where nobody counted. */
  readonly of: number | null;
  readonly rowsPerSecond: number;
  readonly leftMs: number | null;
  readonly tookMs: number;
  readonly done: boolean;
}

export interface Stage {
  add(rows: number): void;
  done(): void;
}

/** `had`: rows of an earlier run, which say nothing of the speed of this one. */
export function beginStage(
  stage: string,
  of: number | null,
  clock: Pick<Clock, "now">,
  tell: (progress: Progress) => void,
  had = 0,
): Stage {
  const began = clock.now();
  let rows = had;
  const say = (done: boolean): void => {
    const tookMs = clock.now() - began;
    const rowsPerSecond = tookMs === 0 ? 0 : ((rows - had) * 1_000) / tookMs;
    const left = of === null || rowsPerSecond === 0 ? null : (Math.max(0, of - rows) * 1_000) / rowsPerSecond;
    tell({
      stage,
      rows,
      of,
      rowsPerSecond: Math.round(rowsPerSecond),
      leftMs: done ? 0 : left === null ? null : Math.round(left),
      tookMs: Math.round(tookMs),
      done,
    });
  };
  say(false);
  return {
    add(more) {
      rows += more;
      say(false);
    },
    done: () => say(true),
  };
}
