// Cleaning on demand: the real command, beside a server and without one.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePlace, type Place, type Running } from "../../cli/test/command.ts";
import { apply, hourMs, record } from "../src/store/conformance/suite.ts";
import { makeFaults } from "../src/store/sqlite/faults.ts";
import { openSqlite } from "../src/store/sqlite/open.ts";

const dayMs = 24 * hourMs;
const body = JSON.stringify({ data: "x".repeat(2_000) });

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.leave());

/** `old` notifications of ten days ago, and `young` ones of now. */
async function fill(name: string, old: number, young: number): Promise<string> {
  const directory = join(place.directory, name);
  const faults = makeFaults();
  faults.advance(-10 * dayMs);
  const store = await openSqlite({ directory, identityWindowMs: dayMs, faults: faults.buffer });
  const send = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 100)
      await apply(
        store.streams,
        ...Array.from({ length: Math.min(100, count - sent) }, (_, at) =>
          record(`user:${(sent + at) % 50}`, { body }),
        ),
      );
  };
  await send(old);
  faults.advance(10 * dayMs);
  await send(young);
  await store.stop();
  return directory;
}

const sizeOf = (directory: string): number => statSync(join(directory, "carillon.db")).size;

/** How many rows there are, and whether any stream has a hole in what it keeps. */
function rowsIn(directory: string): { rows: number; holes: number } {
  const db = new DatabaseSync(join(directory, "carillon.db"), { readOnly: true });
  try {
    return db
      .prepare(
        `SELECT (SELECT count(*) FROM notifications) AS rows, (SELECT count(*) FROM (
           SELECT 1 FROM notifications n JOIN streams s ON s.id = n.stream_id AND n.seq > s.trimmed
           GROUP BY s.id HAVING count(*) <> max(n.seq) - s.trimmed)) AS holes`,
      )
      .get() as { rows: number; holes: number };
  } finally {
    db.close();
  }
}

const endedOf = (out: string): unknown =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .at(-1);

test("a stopped data directory is cleaned, and its file shrinks", async () => {
  const directory = await fill("data", 3_000, 300);
  const before = sizeOf(directory);
  const { status, out } = await place.done(["clean", "--data-directory", "data", "--json"]);
  expect({ status, ended: endedOf(out) }).toMatchObject({ status: 0, ended: { is: "done", removed: 3_000 } });
  expect(sizeOf(directory)).toBeLessThan(before / 4);
  expect(rowsIn(directory)).toEqual({ rows: 300, holes: 0 });
  const again = await place.done(["clean", "--data-directory", "data"]);
  expect(again).toMatchObject({ status: 0, out: expect.stringMatching(/^Done: 0 notifications removed/) });
});

test("a file that can't give space back is written anew, once", async () => {
  const directory = await fill("data", 2_000, 200);
  const db = new DatabaseSync(join(directory, "carillon.db"));
  db.exec("PRAGMA auto_vacuum = NONE; VACUUM");
  db.close();
  const before = sizeOf(directory);
  expect(await place.done(["clean", "--data-directory", "data"])).toMatchObject({ status: 0 });
  expect(sizeOf(directory)).toBeLessThan(before / 4);
  expect(rowsIn(directory)).toEqual({ rows: 200, holes: 0 });
});

test("--older-than is for this once, and never shorter than ids are remembered", async () => {
  const directory = await fill("data", 1_000, 100);
  const clean = (...args: string[]) => place.done(["clean", "--data-directory", "data", ...args]);
  expect(await clean("--older-than", "30d")).toMatchObject({ status: 0 });
  expect(rowsIn(directory).rows).toBe(1_100);
  for (const wrong of ["1h", "soon", "0d"])
    expect(await clean("--older-than", wrong)).toMatchObject({ status: 2 });
  expect(await clean("--retention", "none", "--older-than", "2d")).toMatchObject({ status: 0 });
  expect(rowsIn(directory).rows).toBe(100);
});

test("a server that runs does it itself, while it takes notifications", async () => {
  const directory = await fill("data", 20_000, 100);
  // It would begin by itself after ten seconds, and must leave something to do.
  const server = await place.serve(["--data-directory", "data", "--retention", "none"]);
  const key = readFileSync(join(directory, "api.key"), "utf8").trim();
  let sent = 0;
  let isOver = false;
  const load = async (): Promise<void> => {
    for (; !isOver; sent++) {
      const response = await fetch(`${server.serving.url}/v1/notifications`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ to: "user:1", source: "/load", id: `l-${sent}`, type: "load.one" }),
      });
      expect(response.status).toBe(202);
    }
  };
  const sending = load();
  const cleaned = await place.done(["clean", "--data-directory", "data", "--older-than", "2d", "--json"]);
  isOver = true;
  await sending;
  expect(cleaned.status).toBe(0);
  expect(endedOf(cleaned.out)).toMatchObject({ is: "done", removed: 20_000 });
  expect(rowsIn(directory)).toEqual({ rows: 100 + sent, holes: 0 });
  server.child.kill("SIGTERM");
  await server.ended;
  expect(sizeOf(directory)).toBeLessThan(4_000_000);
});

test("it takes a key with the scope admin, and one run at a time", async () => {
  const directory = await fill("data", 20_000, 0);
  const server = await place.serve(["--data-directory", "data", "--retention", "none"]);
  const url = `${server.serving.operationsUrl}/v1/admin/clean?olderThan=2d`;
  const made = await place.done([
    ...["key", "create", "shop", "--scope", "send", "--source", "/shop"],
    ...["--data-directory", "data"],
  ]);
  const ask = (key: string | null, to = url, method = "POST") =>
    fetch(to, { method, headers: key === null ? {} : { authorization: `Bearer ${key}` } });
  const admin = readFileSync(join(directory, "api.key"), "utf8").trim();
  expect((await ask(null)).status).toBe(401);
  expect((await ask("nonsense")).status).toBe(401);
  expect((await ask(`ck_${"x".repeat(43)}`)).status).toBe(401);
  expect((await ask(made.out.trim())).status).toBe(403);
  expect((await ask(admin, url, "GET")).status).toBe(405);
  expect((await ask(admin, url.replace("2d", "1h"))).status).toBe(400);
  expect(rowsIn(directory).rows).toBe(20_000);
  const first = await ask(admin);
  const second = await ask(admin);
  expect([first.status, second.status]).toEqual([200, 503]);
  expect(second.headers.get("content-type")).toBe("application/problem+json");
  await second.text();
  expect(endedOf(await first.text())).toMatchObject({ is: "done", removed: 20_000 });
});

test("whoever asked and went away ends the run, and so does the server's end; the next goes on", async () => {
  const directory = await fill("data", 20_000, 50);
  const server = await place.serve(["--data-directory", "data", "--retention", "none"]);
  const args = ["clean", "--data-directory", "data", "--older-than", "2d"];
  /** The server needs a moment to notice that nobody listens any more. */
  const begun = async (): Promise<Running> => {
    for (;;) {
      const run = place.run(args);
      const [said] = await run.says(/notifications removed|Done|another run/);
      if (said !== "another run") return run;
      await run.ended;
    }
  };
  const left = place.run(args);
  await left.says(/notifications removed/);
  left.child.kill("SIGKILL");
  await left.ended;
  const killed = await begun();
  server.child.kill("SIGKILL");
  await server.ended;
  expect([0, 4]).toContain((await killed.ended).status);
  expect(rowsIn(directory).holes).toBe(0);
  expect(existsSync(join(directory, "serving.json"))).toBe(true);
  expect(await place.done(args)).toMatchObject({ status: 0 });
  expect(rowsIn(directory)).toEqual({ rows: 50, holes: 0 });
});

test("killed while it works on a stopped directory, it leaves one that serves", async () => {
  const directory = await fill("data", 20_000, 50);
  const args = ["clean", "--data-directory", "data", "--older-than", "2d"];
  const killed = place.run(args);
  await killed.says(/notifications removed/);
  killed.child.kill("SIGKILL");
  expect((await killed.ended).signal).toBe("SIGKILL");
  expect(rowsIn(directory).holes).toBe(0);
  const server = await place.serve(["--data-directory", "data"]);
  server.child.kill("SIGTERM");
  await server.ended;
  expect(await place.done(args)).toMatchObject({ status: 0 });
  expect(rowsIn(directory)).toEqual({ rows: 50, holes: 0 });
});
