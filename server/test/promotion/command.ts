/** The real command in a process of its own, listened to line by line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Promoted } from "../../src/promote.ts";
import type { Progress } from "../../src/promotion/progress.ts";

const main = fileURLToPath(new URL("../../../cli/src/main.ts", import.meta.url));

export interface CommandEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said last, when it came to its end. */
  readonly ended: Promoted | null;
  readonly said: string;
}

interface CommandOptions {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Called for each progress that it tells; what it answers is sent to the process. */
  readonly progress?: (progress: Progress, pid: number) => NodeJS.Signals | null;
}

type Line =
  | ({ readonly type: "progress" } & Progress)
  | ({ readonly type: "ended" } & Promoted)
  | { readonly type: "note" };

export async function runPromote({ args, environment, progress }: CommandOptions): Promise<CommandEnd> {
  const child = spawn(process.execPath, [main, "promote", "--json", ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let ended: Promoted | null = null;
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  createInterface({ input: child.stdout! }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    if (line.type === "ended") ended = line;
    if (line.type !== "progress") return;
    const signal = progress?.(line, child.pid!) ?? null;
    if (signal !== null) child.kill(signal);
  });
  const { status, signal } = await new Promise<Pick<CommandEnd, "status" | "signal">>((resolve) => {
    child.once("close", (code, killed) => resolve({ status: code, signal: killed }));
  });
  return { status, signal, ended, said };
}

/** The first time that a stage has got so far. */
export const once = (
  stage: string,
  rows: number,
  signal: NodeJS.Signals,
): ((progress: Progress) => NodeJS.Signals | null) => {
  let sent = false;
  return (progress) => {
    if (sent || progress.stage !== stage || progress.rows < rows) return null;
    sent = true;
    return signal;
  };
};
