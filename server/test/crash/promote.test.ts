import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { Progress } from "../../src/promotion/progress.ts";
import { makeDirectory } from "../bad-days/server-process.ts";
import { once, runPromote } from "../promotion/command.ts";
import { fillDirectory } from "../promotion/fill.ts";
import { makeDatabases } from "../store/postgres-stage.ts";

const million = 1_000_000;
const memoryMost = 600;

/** The most memory that a process ever had, in MB; 0 where the platform doesn't tell. */
const peakOf = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1_024;
  } catch {
    return 0;
  }
};

test.for([
  { what: "in 100,000 streams", streams: 100_000, inOne: 200_000, subscriptions: 20_000 },
  { what: "in one stream", streams: 100, inOne: million, subscriptions: 100 },
])("1,000,000 notifications $what, killed twice on the way", async (shape, { skip }) => {
  if (process.env["SERVICES"] === undefined) skip("needs PostgreSQL: SERVICES says where it is");
  const directory = makeDirectory();
  await fillDirectory(directory, { notifications: million, ...shape });
  const databases = await makeDatabases(1);
  onTestFinished(() => databases.remove());
  const args = ["--data-directory", directory];
  const environment = { CARILLON_POSTGRES_URL: databases.urls[0]! };
  let peakMb = 0;
  const stages = new Map<string, Progress>();
  const run = (killAt: ReturnType<typeof once>) =>
    runPromote({
      args,
      environment,
      progress(progress, pid) {
        peakMb = Math.max(peakMb, peakOf(pid));
        if (progress.done && progress.rows > 0) stages.set(progress.stage, progress);
        return killAt(progress);
      },
    });

  expect(await run(once("copy notifications", 300_000, "SIGKILL"))).toMatchObject({ signal: "SIGKILL" });
  expect(await run(once("copy notifications", 700_000, "SIGKILL"))).toMatchObject({ signal: "SIGKILL" });
  expect(await run(() => null)).toMatchObject({
    status: 0,
    ended: { is: "done", counts: { notifications: million } },
  });
  for (const { stage, rows, rowsPerSecond, tookMs } of stages.values()) {
    process.stdout.write(
      `${stage}: ${rows} rows, ${rowsPerSecond}/s, the last run ${Math.round(tookMs / 1_000)} s\n`,
    );
  }
  process.stdout.write(`memory: ${Math.round(peakMb)} MB at most\n`);
  expect(peakMb).toBeLessThan(memoryMost);
});
