import { fork } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { mountReadOnly, mountSmallDisk, noMounts } from "../../../test/bad-days/mounts.ts";
import { apply, batchOf, dayMs, headOf, record, records, rowOf } from "../conformance/suite.ts";
import { openSqlite } from "./open.ts";

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "carillon-files-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(directory: string) {
  const store = await openSqlite({ directory, identityWindowMs: dayMs });
  onTestFinished(() => store.stop());
  return store;
}

describe("the data directory", () => {
  test("is made, for its owner alone", async () => {
    const directory = join(makeDirectory(), "deep", "er");
    await open(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test("a second opener in this process is told that it is taken", async () => {
    const directory = makeDirectory();
    const first = await open(directory);
    await expect(openSqlite({ directory, identityWindowMs: dayMs })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(directory),
    });
    await apply(first.streams, record("user:a"));
    await first.stop();
    expect(await headOf((await open(directory)).streams, "user:a")).toMatchObject({ head: 1 });
  });

  test("another process is told too, and has it when this one was killed", async () => {
    const directory = makeDirectory();
    const child = fork(new URL("../../../test/store/writing.child.ts", import.meta.url), [directory], {
      stdio: "inherit",
    });
    await once(child, "message");
    await expect(openSqlite({ directory, identityWindowMs: dayMs })).rejects.toMatchObject({
      code: "locked",
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    await open(directory);
  });

  test("what is committed goes to the data file while the store runs", async () => {
    const directory = makeDirectory();
    const store = await open(directory);
    const file = join(directory, "carillon.db");
    const copied = new Promise<void>((resolve) => {
      const watcher = watch(directory, () => {
        if (statSync(file).size > 4 << 20) resolve();
      });
      onTestFinished(() => watcher.close());
    });
    const body = JSON.stringify("x".repeat(10_000));
    for (let at = 0; at < 25; at++) {
      await apply(store.streams, ...Array.from({ length: 100 }, () => record("user:a", { body })));
    }
    await copied;
    expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 2_500 });
  });

  test("stop leaves one file and no log to recover", async () => {
    const directory = makeDirectory();
    const store = await open(directory);
    await apply(store.streams, ...records("user:a", 100));
    await store.stop();
    expect(readdirSync(directory).toSorted()).toEqual(["carillon.db", "lock.db"]);
  });
});

describe("the data file", () => {
  const file = (directory: string): string => join(directory, "carillon.db");
  const refused = (directory: string) => expect(openSqlite({ directory, identityWindowMs: dayMs })).rejects;

  test("of another kind is left alone", async () => {
    const directory = makeDirectory();
    writeFileSync(file(directory), "Dear diary, this is not a database. ".repeat(40));
    await refused(directory).toMatchObject({ code: "foreign" });
    expect(readdirSync(directory).toSorted()).toEqual(["carillon.db", "lock.db"]);
  });

  test("of another program is left alone", async () => {
    const directory = makeDirectory();
    const other = new DatabaseSync(file(directory));
    other.exec("CREATE TABLE recipes(name TEXT)");
    other.close();
    await refused(directory).toMatchObject({
      code: "foreign",
      message: expect.stringContaining("another program"),
    });
  });

  test("of a newer version is left alone", async () => {
    const directory = makeDirectory();
    await (await open(directory)).stop();
    const newer = new DatabaseSync(file(directory));
    newer.exec("PRAGMA user_version = 9999");
    newer.close();
    await refused(directory).toMatchObject({ code: "foreign", message: expect.stringContaining("9999") });
  });

  test("whose start is damaged is refused", async () => {
    const directory = makeDirectory();
    await (await open(directory)).stop();
    const handle = openSync(file(directory), "r+");
    writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, 0);
    closeSync(handle);
    await refused(directory).toMatchObject({ code: "foreign" });
  });

  test("that is damaged in the middle says so", async () => {
    const directory = makeDirectory();
    const first = await open(directory);
    for (let at = 0; at < 10; at++)
      await apply(first.streams, ...records("user:a", 200), ...records("user:b", 1));
    await first.stop();
    const handle = openSync(file(directory), "r+");
    const pages = statSync(file(directory)).size / 4096;
    for (let page = 14; page < pages; page++)
      writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
    closeSync(handle);
    const outcome = await openSqlite({ directory, identityWindowMs: dayMs }).then(
      async (store) => {
        onTestFinished(() => store.stop());
        await store.directory.putTopic("t", "key:k");
        return store.streams.read("user:a", 0, 256).then(
          () => null,
          (error: unknown) => error,
        );
      },
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: "corrupt" });
  });
});

describe("invariant 1: the disk", () => {
  test("is full: writes are refused and nothing is lost; with space they work again, without a restart", async (context) => {
    if (noMounts) return context.skip(noMounts);
    const directory = makeDirectory();
    mountSmallDisk(directory, 4 << 20);
    const store = await open(directory);
    const ballast = join(directory, "ballast");
    writeFileSync(ballast, Buffer.alloc(1 << 20));
    const kept: Awaited<ReturnType<typeof record>>[] = [];
    let refusal: unknown;
    let offset = 0;
    while (!refusal) {
      const some = [record("user:a", { body: JSON.stringify("x".repeat(20_000)) }), record("user:b")];
      const progress = { from: String(offset), to: String(offset + 1) };
      await store.streams.apply(batchOf(some, progress)).then(
        () => {
          kept.push(...some);
          offset++;
        },
        (error: unknown) => {
          refusal = error;
        },
      );
    }
    expect(refusal).toMatchObject({ code: "full", retryAfterMs: expect.any(Number) });
    const rounds = kept.length / 2;
    expect(rounds).toBeGreaterThan(10);
    const { heads } = await store.streams.heads(["user:a", "user:b"]);
    expect(heads.map(({ head }) => head)).toEqual([rounds, rounds]);
    expect(await store.streams.progress(0)).toBe(String(rounds));
    expect(await store.streams.find("user:a", kept[0]!.key)).toMatchObject({ seq: 1 });
    for (let at = 0; at < 50; at++) {
      await expect(
        apply(store.streams, record("user:a", { body: JSON.stringify("y".repeat(60_000)) })),
      ).rejects.toMatchObject({ code: "full" });
    }
    rmSync(ballast);
    expect((await apply(store.streams, kept.at(-1)!, record("user:b"))).outcomes).toEqual([
      { status: "duplicate", seq: rounds },
      { status: "stored", seq: rounds + 1 },
    ]);
    await store.stop();
    const again = await open(directory);
    const { rows } = await again.streams.read("user:b", 0, 256);
    const own = kept.filter(({ stream }) => stream === "user:b");
    expect(rows.slice(0, rounds)).toEqual(own.slice(0, 256).map((one, at) => rowOf(at + 1, one)));
  });

  test("can't be written: a clear refusal", async (context) => {
    if (noMounts) return context.skip(noMounts);
    const directory = makeDirectory();
    await (await open(directory)).stop();
    mountReadOnly(directory);
    await expect(openSqlite({ directory, identityWindowMs: dayMs })).rejects.toMatchObject({
      code: "read-only",
    });
  });
});
