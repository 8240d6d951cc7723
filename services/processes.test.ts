import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { alive, gone, identify, murder, signal } from "./processes.ts";

test("a process is known by when it started, not by its number", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  await once(child, "spawn");
  const identity = identify(child.pid!)!;
  const earlier = { ...identity, started: `${identity.started}0` };
  expect(alive(identity)).toBe(true);
  expect(alive(earlier)).toBe(false);
  expect(signal(earlier, "SIGKILL")).toBe(false);
  expect(murder(earlier)).toEqual([]);
  expect(alive(identity)).toBe(true);
  const ended = once(child, "exit");
  expect(signal(identity, "SIGKILL")).toBe(true);
  await ended;
  expect(await gone([identity], 0)).toBe(true);
  expect(identify(child.pid!)).toBeNull();
});

test("children in sessions of their own die with it", async () => {
  const grandchild = "setInterval(() => {}, 1e6)";
  const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(grandchild)}], { detached: true, stdio: "ignore" });
    c.once("spawn", () => process.stdout.write(c.pid + "\\n")); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const below = identify(Number(line))!;
  const all = murder(identify(child.pid!)!);
  expect(all.map(({ pid }) => pid)).toEqual([child.pid, below.pid]);
  expect(await gone(all, 10_000)).toBe(true);
});

test("a killed process has ended when its last thread has, and then holds nothing", async () => {
  // Memory that takes its threads a while to give back.
  const script = `const held = []; for (let i = 0; i < 300; i++) held.push(Buffer.alloc(1 << 20, i));
    require("net").createServer().listen(0, "127.0.0.1", function () { process.stdout.write(this.address().port + "\\n") })`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const identity = identify(child.pid!)!;
  murder(identity);
  while (alive(identity)) await turn();
  const refused = once(connect(Number(line), "127.0.0.1"), "connect");
  await expect(refused).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
