// The launcher on a Node that can't strip types, which --no-strip-types stands in for: a copy of it beside a
// main.ts of our own, with the pinned Node in reach or not.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const stand = `
const [verb, ...rest]: string[] = process.argv.slice(2);
if (verb === "say") process.stdout.write(rest.join(" "));
if (verb === "exit") process.exitCode = Number(rest[0]);
if (verb === "die") process.kill(process.pid, "SIGKILL");
if (verb === "wait") {
  const open = setInterval(() => {}, 1000);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => { process.stdout.write(signal); process.exitCode = 7; clearInterval(open); });
  process.stdout.write("ready ");
}
`;

let home = "";

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "carillon-launcher-"));
  for (const name of ["with", "without"]) {
    mkdirSync(join(home, name, "bin"), { recursive: true });
    mkdirSync(join(home, name, "src"));
    copyFileSync(new URL("../bin/carillon.js", import.meta.url), join(home, name, "bin/carillon.js"));
    writeFileSync(join(home, name, "package.json"), '{"type":"module"}');
    writeFileSync(join(home, name, "src/main.ts"), stand);
  }
  symlinkSync(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(home, "with/node_modules"));
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

function launch(home: string, ...args: string[]) {
  return spawn(process.execPath, ["--no-strip-types", join(home, "bin/carillon.js"), ...args]);
}

async function end(child: ChildProcess) {
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "exit"),
  ]);
  return { out, err, code, signal };
}

test("arguments and output pass through", async () => {
  expect(await end(launch(join(home, "with"), "say", "two words", "--flag"))).toEqual({
    out: "two words --flag",
    err: "",
    code: 0,
    signal: null,
  });
});

test("the exit status passes through", async () => {
  expect(await end(launch(join(home, "with"), "exit", "42"))).toMatchObject({ code: 42, signal: null });
});

test("what ended by a signal is seen to end by it", async () => {
  expect(await end(launch(join(home, "with"), "die"))).toMatchObject({ code: null, signal: "SIGKILL" });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s reaches the command, which ends in its own way",
  async (signal) => {
    const child = launch(join(home, "with"), "wait");
    child.stdout.once("data", () => child.kill(signal));
    expect(await end(child)).toMatchObject({ out: `ready ${signal}`, code: 7, signal: null });
  },
);

test("without the pinned Node it says what is missing", async () => {
  const { err, code } = await end(launch(join(home, "without"), "say"));
  expect(code).toBe(1);
  expect(err).toMatch(/needs Node 24 or later; this is v\d+.*node-.*is not installed/);
});
