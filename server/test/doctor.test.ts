// Data directories damaged in each way, and named for it.
import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DoctorOptions, examine } from "../src/doctor.ts";
import { apply, hourMs, record, records } from "../src/store/conformance/suite.ts";
import { makeFaults } from "../src/store/sqlite/faults.ts";
import { openSqlite } from "../src/store/sqlite/open.ts";

interface Made {
  readonly directory: string;
  readonly data: string;
  run(sql: string): void;
}

async function makeDirectory(aheadMs = 0): Promise<Made> {
  const directory = mkdtempSync(join(tmpdir(), "carillon-doctor-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const faults = makeFaults();
  faults.advance(aheadMs);
  const store = await openSqlite({ directory, identityWindowMs: 24 * hourMs, faults: faults.buffer });
  await store.directory.putTopic("t", "key:k");
  await store.directory.subscribe("t", ["a", "b"], 256);
  await apply(store.streams, ...records("user:a", 300), ...records("topic:t", 40), record("user:b"));
  await store.streams.trim("user:a", 10);
  await store.positions.mark("a", "read", { all: true });
  await store.positions.saveDevices([{ user: "a", device: "d", cursor: "c" }]);
  await store.stop();
  writeFileSync(join(directory, "signing.key"), "k".repeat(44), { mode: 0o600 });
  const data = join(directory, "carillon.db");
  return {
    directory,
    data,
    run(sql) {
      const db = new DatabaseSync(data);
      db.exec(sql);
      db.close();
    },
  };
}

const look = (directory: string, options: Partial<DoctorOptions> = {}, ...args: string[]) =>
  examine({
    args: ["--data-directory", directory, "--port", "0", "--operations-port", "0", ...args],
    isThorough: false,
    ...options,
  });

const notWell = async (directory: string, ...args: string[]): Promise<string[]> =>
  (await look(directory, {}, ...args))
    .filter(({ is }) => is !== "well")
    .map(({ check, is }) => `${is} ${check}`);

describe("a directory", () => {
  test("that is as it should be, served or not, looked at shortly or long", async () => {
    const { directory } = await makeDirectory();
    expect(await notWell(directory)).toEqual([]);
    for (const isThorough of [true, false])
      expect((await look(directory, { isThorough })).filter(({ is }) => is !== "well")).toEqual([]);
    const store = await openSqlite({ directory, identityWindowMs: 24 * hourMs });
    writeFileSync(join(directory, "serving.json"), JSON.stringify({ pid: process.pid }));
    await apply(store.streams, record("user:a"));
    const lock = (await look(directory)).find(({ check }) => check === "lock");
    expect(lock).toMatchObject({ is: "well", what: expect.stringContaining(`process ${process.pid} has`) });
    expect(await notWell(directory)).toEqual([]);
    await store.stop();
  });

  test("every finding that isn't well says what to do", async () => {
    const { directory, run } = await makeDirectory();
    run("UPDATE meta SET is_backup = 1; DELETE FROM streams WHERE name = 'user:b'");
    chmodSync(directory, 0o755);
    const found = (await look(directory)).filter(({ is }) => is !== "well");
    expect(found.length).toBeGreaterThan(2);
    for (const { what, advice } of found) expect([what.length > 10, advice.length > 5]).toEqual([true, true]);
  });

  test.each<[what: string, damage: (made: Made) => void, found: string[]]>([
    ["others may read", ({ directory }) => chmodSync(directory, 0o755), ["warning directory"]],
    [
      "without a signing key",
      ({ directory }) => rmSync(join(directory, "signing.key")),
      ["wrong signing-key"],
    ],
    [
      "with a signing key that others may read",
      ({ directory }) => chmodSync(join(directory, "signing.key"), 0o644),
      ["wrong signing-key"],
    ],
    [
      "with half a signing key",
      ({ directory }) => writeFileSync(join(directory, "signing.key"), "short"),
      ["wrong signing-key"],
    ],
    [
      "with an API key that others may read",
      ({ directory }) => writeFileSync(join(directory, "api.key"), "key", { mode: 0o644 }),
      ["wrong api-key"],
    ],
    [
      "whose server was killed",
      ({ directory }) => writeFileSync(join(directory, "serving.json"), '{"pid":1}'),
      ["warning lock"],
    ],
    ["without data", ({ data }) => rmSync(data), ["wrong data"]],
    ["with an empty file", ({ data }) => truncateSync(data, 0), ["wrong schema"]],
    ["with half of a file", ({ data }) => truncateSync(data, 40_960), ["wrong data"]],
    [
      "with a page of something else",
      ({ data }) => {
        const bytes = readFileSync(data);
        bytes.fill(7, 16 * 4_096, 17 * 4_096);
        writeFileSync(data, bytes);
      },
      ["wrong integrity"],
    ],
    ["with another program's file", ({ run }) => run("PRAGMA application_id = 1"), ["wrong data"]],
    ["with a newer schema", ({ run }) => run("PRAGMA user_version = 999"), ["wrong data"]],
    ["with an older schema", ({ run }) => run("PRAGMA user_version = 7"), ["warning schema"]],
    ["that is a backup", ({ run }) => run("UPDATE meta SET is_backup = 1"), ["wrong backup"]],
    [
      "with a hole in a stream",
      ({ run }) => run("DELETE FROM notifications WHERE seq = 200"),
      ["wrong seqs"],
    ],
    [
      "whose stream begins too late",
      ({ run }) =>
        run("UPDATE streams SET trimmed = 5 WHERE name = 'user:a'; DELETE FROM notifications WHERE seq < 11"),
      ["wrong seqs"],
    ],
    [
      "with notifications of no stream",
      ({ run }) => run("DELETE FROM streams WHERE name = 'user:b'"),
      ["wrong notifications-belong"],
    ],
    [
      "with subscriptions of a topic that isn't there",
      ({ run }) => run("DELETE FROM topics"),
      ["wrong subscriptions-belong"],
    ],
    [
      "with grants of a topic that isn't there",
      ({ run }) => run("INSERT INTO grants VALUES (999, 'a', 1)"),
      ["wrong grants-belong"],
    ],
    [
      "with devices of nobody",
      ({ run }) => run("INSERT INTO devices VALUES (999, 'a', 'c', 1)"),
      ["wrong devices-belong"],
    ],
    [
      "with marks of nobody",
      ({ run }) => run("INSERT INTO marks VALUES (999, 1, 0, 1, '[]')"),
      ["wrong marks-belong"],
    ],
    [
      "with a topic that counts wrongly",
      ({ run }) => run("UPDATE topics SET subscribers = 9"),
      ["wrong followers"],
    ],
    ["that can't give space back", ({ run }) => run("PRAGMA auto_vacuum = NONE; VACUUM"), ["warning space"]],
    [
      "that was promoted",
      ({ run }) =>
        run(
          `INSERT INTO facts VALUES ('promotion', '{"is":"left","id":"1","to":"postgres://db","at":"now"}')`,
        ),
      ["wrong promotion"],
    ],
  ])("%s", async (_, damage, found) => {
    const made = await makeDirectory();
    damage(made);
    expect(await notWell(made.directory)).toEqual(found);
  });

  test("with notifications from the future, and older than is kept", async () => {
    const early = await makeDirectory(3 * hourMs);
    expect(await notWell(early.directory)).toEqual(["wrong clock"]);
    const late = await makeDirectory(-200 * hourMs);
    expect(await notWell(late.directory)).toEqual(["warning retention"]);
    expect(await notWell(late.directory, "--retention", "none")).toEqual([]);
  });

  test("with options that don't go together", async () => {
    const { directory } = await makeDirectory();
    const found = await notWell(directory, "--retention", "1h", "--body-size", "1KB");
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found)).toEqual(new Set(["wrong configuration"]));
  });

  test("that isn't there", async () => {
    expect(await notWell("/nonexistent/carillon")).toEqual(["wrong directory", "wrong data"]);
  });
});
