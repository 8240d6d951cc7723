// What docs/operating/backup.md says of PostgreSQL, typed as it stands there.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { makePlace } from "../../../cli/test/command.ts";
import { postgresFolder } from "../../../services/find.ts";
import { makeDatabases } from "./postgres-stage.ts";

const page = readFileSync(
  fileURLToPath(new URL("../../../docs/operating/backup.md", import.meta.url)),
  "utf8",
);
const commandOf = (program: string): string => new RegExp(`^ *(${program} .*)$`, "m").exec(page)![1]!;

interface Poll {
  readonly cursor: string;
  readonly frames: readonly { readonly type: string; readonly reason?: string; readonly seq?: number }[];
}

test("dumped while it is served, and restored with --accept-restore: clients get a gap and go on", async () => {
  const place = makePlace();
  onTestFinished(() => place.leave());
  const live = await makeDatabases(1);
  onTestFinished(() => live.remove());
  const restored = await makeDatabases(1);
  onTestFinished(() => restored.remove());
  const type = (program: string) =>
    promisify(execFile)("sh", ["-c", commandOf(program).replace(program, join(postgresFolder(), program))], {
      cwd: place.directory,
      env: { ...process.env, CARILLON_POSTGRES_URL: live.urls[0]!, RESTORED_POSTGRES_URL: restored.urls[0]! },
    });
  const at = { CARILLON_POSTGRES_URL: live.urls[0]! };
  const server = await place.serve([], { env: at });
  const token = (await place.done(["token", "user:42"])).out.trim();
  const poll = async (url: string, cursor: string): Promise<Poll> => {
    const query = new URLSearchParams({ wait: "5", ...(cursor === "" ? {} : { cursor }) });
    const response = await fetch(`${url}/v1/poll?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await response.json()) as Poll;
  };
  for (const one of ["one", "two"]) await place.done(["send", "user:42", "--type", one]);
  await type("pg_dump");
  await place.done(["send", "user:42", "--type", "lost"]);
  const { cursor } = await poll(server.serving.url, "");
  server.child.kill("SIGTERM");
  await server.ended;
  await type("pg_restore");
  expect(page).toContain("carillon serve --accept-restore");
  const again = await place.serve(["--accept-restore"], {
    env: { CARILLON_POSTGRES_URL: restored.urls[0]! },
  });
  const gap = await poll(again.serving.url, cursor);
  expect(gap.frames).toContainEqual(expect.objectContaining({ type: "gap", reason: "epoch" }));
  await place.done(["send", "user:42", "--type", "three"]);
  const next = await poll(again.serving.url, gap.cursor);
  expect(next.frames.flatMap(({ seq }) => seq ?? [])).toEqual([3]);
});
