import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { openFirstKeys } from "../../src/first-keys.ts";
import { takeForServing } from "../../src/promotion/serving.ts";
import { read, standingFact } from "../../src/promotion/standing.ts";
import { openPostgres } from "../../src/store/postgres/open.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import { ask, type Databases, makeDatabases } from "../store/postgres-stage.ts";
import { once, runPromote } from "./command.ts";
import { fillDirectory } from "./fill.ts";

const size = { notifications: 30_000, streams: 2_000, inOne: 6_000, subscriptions: 500 };
const identityWindowMs = 86_400_000;

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "carillon-promote-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function newDatabase(): Promise<Databases & { readonly environment: Record<string, string> }> {
  const databases = await makeDatabases(1);
  onTestFinished(() => databases.remove());
  return { ...databases, environment: { CARILLON_POSTGRES_URL: databases.urls[0]! } };
}

async function newSource(some: Partial<typeof size> = {}): Promise<string> {
  const directory = newDirectory();
  await fillDirectory(directory, { ...size, ...some });
  return directory;
}

const few = { notifications: 300, streams: 20, inOne: 60, subscriptions: 10 };

const standingIn = async ({ urls }: Databases) => {
  const rows = await ask<{ value: string }>(urls[0]!, "SELECT value FROM facts WHERE name = $1", [
    standingFact,
  ]);
  return read(rows[0]?.value ?? null);
};

describe("carillon promote", () => {
  test("killed twice on the way, it goes on where it was, and ends compared", {
    timeout: 240_000,
  }, async () => {
    const directory = await newSource();
    const { environment, ...database } = await newDatabase();
    const args = ["--data-directory", directory];

    const first = await runPromote({
      args,
      environment,
      progress: once("copy notifications", 4_000, "SIGKILL"),
    });
    expect(first).toMatchObject({ signal: "SIGKILL", ended: null });
    const half = await standingIn(database);
    expect(half).toMatchObject({ is: "arriving" });

    const again: number[] = [];
    const second = await runPromote({
      args,
      environment,
      progress: (progress) => {
        if (progress.stage === "copy notifications") again.push(progress.rows);
        return once("compare notifications", 0, "SIGKILL")(progress);
      },
    });
    expect(second).toMatchObject({ signal: "SIGKILL", ended: null });
    expect(again[0]).toBe(half?.is === "arriving" && half.at.stage === "notifications" ? half.at.rows : 0);
    expect(await standingIn(database)).toMatchObject({ is: "arriving", at: { stage: "verify" } });

    const third = await runPromote({ args, environment });
    expect(third).toMatchObject({ status: 0, ended: { is: "done" } });
    expect(await standingIn(database)).toMatchObject({ is: "arrived" });
    const [counted] = await ask<{ count: string }>(database.urls[0]!, "SELECT count(*) FROM notifications");
    expect(Number(counted!.count)).toBe(size.notifications);
  });

  test("Ctrl-C stops it, and says how to go on", { timeout: 120_000 }, async () => {
    const directory = await newSource();
    const { environment } = await newDatabase();
    const args = ["--data-directory", directory];
    const stopped = await runPromote({
      args,
      environment,
      progress: once("copy notifications", 1, "SIGINT"),
    });
    expect(stopped).toMatchObject({ status: 1, ended: { is: "stopped" } });
    expect(await runPromote({ args, environment })).toMatchObject({ status: 0, ended: { is: "done" } });
  });

  test("a running server is asked to be stopped first", async () => {
    const directory = await newSource(few);
    const { environment } = await newDatabase();
    const store = await openSqlite({ directory, identityWindowMs });
    onTestFinished(() => store.stop());
    const refused = await runPromote({ args: ["--data-directory", directory], environment });
    expect(refused).toMatchObject({
      status: 1,
      ended: { is: "failed", why: expect.stringContaining("stop it first") },
    });
  });

  test("a store that was served takes nothing in", async () => {
    const directory = await newSource(few);
    const { environment, urls } = await newDatabase();
    const store = await openPostgres({ urls, identityWindowMs });
    await takeForServing(store.coordination, { acceptRestore: false });
    await store.stop();
    const refused = await runPromote({ args: ["--data-directory", directory], environment });
    expect(refused).toMatchObject({
      status: 3,
      ended: { is: "refused", why: expect.stringContaining("was served") },
    });
  });

  test("a data directory that isn't there, and no PostgreSQL, are said", async () => {
    const { environment } = await newDatabase();
    const nowhere = join(newDirectory(), "none");
    const missing = await runPromote({ args: ["--data-directory", nowhere], environment });
    expect(missing).toMatchObject({
      status: 1,
      ended: { is: "failed", why: expect.stringContaining(nowhere) },
    });
    const unsaid = await runPromote({ args: ["--data-directory", nowhere], environment: {} });
    expect(unsaid).toMatchObject({ status: 2, ended: { is: "usage" } });
    const away = { CARILLON_POSTGRES_URL: "postgres://127.0.0.1:1/none" };
    const source = await newSource(few);
    const unreachable = await runPromote({ args: ["--data-directory", source], environment: away });
    expect(unreachable).toMatchObject({ status: 4, ended: { is: "failed", away: true } });
  });

  test("while it is under way neither store is served; then one is", { timeout: 120_000 }, async () => {
    const directory = await newSource();
    const { environment, urls } = await newDatabase();
    const args = ["--data-directory", directory];
    const facts = await (async () => {
      await runPromote({ args, environment, progress: once("copy notifications", 1, "SIGKILL") });
      return openPostgres({ urls, identityWindowMs });
    })();
    onTestFinished(() => facts.stop());
    expect(await takeForServing(facts.coordination, { acceptRestore: false })).toHaveProperty("problem");
    expect(await runPromote({ args, environment })).toMatchObject({ status: 0 });
    const source = await openSqlite({ directory, identityWindowMs });
    expect(await takeForServing(source.coordination, { acceptRestore: false })).toHaveProperty("problem");
    await source.stop();
    expect(await runPromote({ args: ["--verify", ...args], environment })).toMatchObject({ status: 0 });
    expect(await takeForServing(facts.coordination, { acceptRestore: false })).toHaveProperty("note");
    const served = await runPromote({ args: ["--verify", ...args], environment });
    expect(served).toMatchObject({ status: 3, ended: { is: "refused" } });
  });

  test("a source that was served in between begins anew", { timeout: 120_000 }, async () => {
    const directory = await newSource();
    const half = await newDatabase();
    const args = ["--data-directory", directory];
    await runPromote({
      args,
      environment: half.environment,
      progress: once("copy notifications", 1, "SIGKILL"),
    });
    const source = await openSqlite({ directory, identityWindowMs });
    expect(await takeForServing(source.coordination, { acceptRestore: false })).toEqual({
      note: expect.stringContaining("void"),
    });
    await source.stop();
    expect(await runPromote({ args, environment: half.environment })).toMatchObject({ status: 3 });
    const { environment } = await newDatabase();
    expect(await runPromote({ args, environment })).toMatchObject({ status: 0 });
  });

  test("the secret for tokens is agreed on in the new store", async () => {
    const directory = await newSource(few);
    const { environment, urls } = await newDatabase();
    const secret = "s".repeat(40);
    writeFileSync(join(directory, "signing.key"), `${secret}\n`);
    expect(await runPromote({ args: ["--data-directory", directory], environment })).toMatchObject({
      ended: { is: "done", signingKeyFile: join(directory, "signing.key") },
    });
    const store = await openPostgres({ urls, identityWindowMs });
    onTestFinished(() => store.stop());
    const keysWith = (tokenSecret: string) =>
      openFirstKeys({
        directory: newDirectory(),
        access: store.access,
        facts: store.coordination,
        clock: systemClock,
        replaceMissing: false,
        tokenSecret,
        tokenSecretFile: null,
        previousTokenSecret: null,
        previousTokenSecretFile: null,
        makesApiKey: false,
      });
    expect(await keysWith("another secret of more than 32 bytes")).toHaveProperty("problem");
    expect(await keysWith(secret)).toHaveProperty("signingKeys");
  });

  test("--down copies into a new directory, begun anew after a kill, and never over another", {
    timeout: 180_000,
  }, async () => {
    const directory = await newSource();
    const { environment } = await newDatabase();
    await runPromote({ args: ["--data-directory", directory], environment });
    const copy = newDirectory();
    const args = ["--down", "--data-directory", copy];
    const killed = await runPromote({
      args,
      environment,
      progress: once("copy notifications", 1, "SIGKILL"),
    });
    expect(killed.signal).toBe("SIGKILL");
    expect(await runPromote({ args, environment })).toMatchObject({ status: 0, ended: { is: "done" } });
    const before = readFileSync(join(copy, "carillon.db"));
    expect(await runPromote({ args, environment })).toMatchObject({ status: 3, ended: { is: "refused" } });
    expect(readFileSync(join(copy, "carillon.db")).equals(before)).toBe(true);
    const onto = await runPromote({ args: ["--down", "--data-directory", directory], environment });
    expect(onto).toMatchObject({ status: 3, ended: { is: "refused" } });
  });
});
