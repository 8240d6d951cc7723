/** A data directory that can't be served: one sentence that says why, a non-zero status, and nothing changed. */
import { createHash } from "node:crypto";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { sql as firstSchema } from "../../src/store/sqlite/migrations/0001-streams.ts";
import { json, must } from "./ask.ts";
import { mountReadOnly, noMounts } from "./mounts.ts";
import { makeDirectory, type SpawnOptions, spawnServer, startServer } from "./server-process.ts";

const notification = (id: string): object => ({
  id,
  to: "user:ada",
  source: "/test",
  type: "test",
  data: "x".repeat(2_000),
});

let served: ReadonlyMap<string, Buffer> | undefined;

/** A directory in which a server has stored something and stopped. */
async function makeServed(): Promise<string> {
  const directory = makeDirectory();
  served ??= await serveOnce(makeDirectory());
  for (const [name, bytes] of served) writeFileSync(join(directory, name), bytes);
  return directory;
}

async function serveOnce(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const server = await startServer({ directory });
  const batch = Array.from({ length: 50 }, (_, at) => notification(`n${at}`));
  await must(202, `${server.url}/v1/notifications`, { ...json(batch), bearer: server.apiKey });
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));
}

/** Names and digests of what is in a directory, but for the lock and for memory that processes share. */
const contentsOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory)
      .filter((name) => !name.startsWith("lock.db") && !name.endsWith("-shm"))
      .sort()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      ]),
  );

async function expectRefused(options: SpawnOptions, why: RegExp): Promise<void> {
  const before = contentsOf(options.directory);
  const { exit, said, serving } = spawnServer(options);
  expect((await serving)?.url, "where it serves, which it must not").toBeUndefined();
  expect(await exit, said.join("\n")).toEqual({ code: 1, signal: null });
  expect(said).toEqual([expect.stringMatching(/^carillon could not start: .+/)]);
  expect(said[0]).toMatch(why);
  expect(contentsOf(options.directory)).toEqual(before);
}

/** What was stored by `makeServed` is there, and more can be. */
async function expectServes(directory: string): Promise<void> {
  const server = await startServer({ directory });
  const where = `${server.url}/v1/notifications/n49?source=/test&to=user:ada`;
  expect((await must(200, where, { bearer: server.apiKey })).json).toMatchObject({ seq: 50 });
  await must(202, `${server.url}/v1/notifications`, { ...json(notification("more")), bearer: server.apiKey });
}

const overwrite = (file: string, at: number, bytes: Buffer): void => {
  const open = openSync(file, "r+");
  writeSync(open, bytes, 0, bytes.length, at);
  closeSync(open);
};

const change = (file: string, sql: string): void => {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
};

describe("a data directory that can't be served is left as it is", () => {
  test("a second process on the same one; the first goes on", async () => {
    const directory = makeDirectory();
    const first = await startServer({ directory });
    await must(202, `${first.url}/v1/notifications`, { ...json(notification("a")), bearer: first.apiKey });
    await expectRefused({ directory }, /another process serves .+; stop that one first/);
    await must(202, `${first.url}/v1/notifications`, { ...json(notification("b")), bearer: first.apiKey });
  });

  test.each([
    ["text", (file: string) => writeFileSync(file, "These are the notes of somebody else.\n".repeat(500))],
    [
      "another program's database",
      (file: string) => {
        rmSync(file);
        change(file, "PRAGMA user_version = 1; CREATE TABLE notes(text); INSERT INTO notes VALUES ('mine')");
      },
    ],
    ["a damaged start", (file: string) => overwrite(file, 0, Buffer.alloc(512, 7))],
    ["a newer schema", (file: string) => change(file, "PRAGMA user_version = 99")],
  ])("a file that is foreign: %s", async (_, damage) => {
    const directory = await makeServed();
    damage(join(directory, "carillon.db"));
    await expectRefused({ directory }, /was not made by this version of Carillon/);
  });

  test.each([
    ["cut in half", (file: string) => truncateSync(file, 3 * 4_096)],
    ["a damaged schema", (file: string) => overwrite(file, 100, Buffer.alloc(3_000, 7))],
  ])("a file that is damaged: %s", async (_, damage) => {
    const directory = await makeServed();
    damage(join(directory, "carillon.db"));
    await expectRefused({ directory }, /is damaged; nothing was changed/);
  });

  test("a key file that is gone", async () => {
    const directory = await makeServed();
    rmSync(join(directory, "signing.key"));
    const { exit, said } = spawnServer({ directory });
    expect((await exit).code).toBe(1);
    expect(said.join("\n")).toMatch(/signing\.key is missing/);
  });

  test("a file where the directory should be", async () => {
    const file = join(makeDirectory(), "notes.txt");
    writeFileSync(file, "mine");
    const { exit, said } = spawnServer({ directory: file });
    expect((await exit).code).toBe(1);
    expect(said).toEqual([expect.stringMatching(/^carillon could not start: .+in the way/)]);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test("a directory that can't be written", async ({ skip }) => {
    if (noMounts !== null) skip(noMounts);
    const directory = await makeServed();
    mountReadOnly(directory);
    await expectRefused({ directory }, /can't be written/);
  });

  test("a data file that can't be written", async ({ skip }) => {
    if (noMounts !== null) skip(noMounts);
    const directory = await makeServed();
    mountReadOnly(join(directory, "carillon.db"));
    await expectRefused({ directory }, /can't be written/);
  });
});

describe("what can be served is", () => {
  test("an older schema is brought up to date", async () => {
    const directory = makeDirectory();
    const file = join(directory, "carillon.db");
    change(file, `${firstSchema}; PRAGMA application_id = ${0x43726c6e}; PRAGMA user_version = 1`);
    const server = await startServer({ directory });
    await must(202, `${server.url}/v1/notifications`, { ...json(notification("n0")), bearer: server.apiKey });
  });

  test("after each of these, the same directory once it is itself again", async () => {
    const directory = await makeServed();
    const file = join(directory, "carillon.db");
    const whole = readFileSync(file);
    overwrite(file, 0, Buffer.alloc(512, 7));
    await expectRefused({ directory }, /was not made by/);
    writeFileSync(file, whole);
    await expectServes(directory);
  });
});
