/** Progress for people, on one line of a terminal or a line a stage; or for machines. */
import type { Surroundings } from "./verb.ts";

export interface Progress {
  readonly stage: string;
  readonly rows: number;
  readonly of: number | null;
  readonly rowsPerSecond: number;
  readonly leftMs: number | null;
  readonly tookMs: number;
  readonly done: boolean;
}

interface ProgressOptions {
  readonly json: boolean;
  readonly terminal: boolean;
  out(text: string): void;
  err(text: string): void;
}

const everyMs = 500;
const wipe = "\r\u001b[K";

export function watchProgress({ json, terminal, out, err }: ProgressOptions) {
  let saidAt = Number.NEGATIVE_INFINITY;
  let open = false;

  const due = (done: boolean): boolean => {
    const now = performance.now();
    if (!done && now - saidAt < everyMs) return false;
    saidAt = now;
    return true;
  };

  return {
    tell(progress: Progress): void {
      if (!json && !terminal && !progress.done) return;
      if (!due(progress.done)) return;
      if (json) return out(`${JSON.stringify({ type: "progress", ...progress })}\n`);
      const line = lineOf(progress);
      err(terminal ? `${wipe}${line}${progress.done ? "\n" : ""}` : `${line}\n`);
      open = terminal && !progress.done;
    },
    note(text: string): void {
      if (json) return out(`${JSON.stringify({ type: "note", text })}\n`);
      err(`${open ? wipe : ""}${text}\n`);
      open = false;
    },
    end(): void {
      if (open) err("\n");
      open = false;
    },
  };
}

const number = (value: number): string => value.toLocaleString("en");

function lineOf({ stage, rows, of, rowsPerSecond, leftMs, tookMs, done }: Progress): string {
  const goal = of === null || done ? "" : ` of ${number(of)}`;
  const many = of === null && rows === 0 ? "" : ` ${number(rows)}${goal}`;
  const speed = rowsPerSecond > 0 ? `, ${number(rowsPerSecond)}/s` : "";
  const time = done ? `, ${timeOf(tookMs)}` : leftMs === null ? "" : `, ${timeOf(leftMs)} left`;
  return `${stage}:${many}${speed}${time}`.replace(/:,/, ":");
}

function timeOf(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Runs what takes long, tells how far it is on the way, and as JSON how it ended. */
export async function watched<E extends object>(
  json: boolean,
  { out, err }: Pick<Surroundings, "out" | "err">,
  run: (progress: ReturnType<typeof watchProgress>) => Promise<E>,
): Promise<E> {
  const progress = watchProgress({ json, terminal: process.stderr.isTTY === true, out, err });
  const ended = await run(progress);
  progress.end();
  if (json) out(`${JSON.stringify({ type: "ended", ...ended })}\n`);
  return ended;
}
