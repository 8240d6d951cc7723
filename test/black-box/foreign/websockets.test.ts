import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { serve } from "../process.ts";
import { makeShown, numbers, sendNumbers, tokenFor } from "../producer.ts";
import { findPython } from "./peers.ts";

const python = findPython("websockets");
const script = fileURLToPath(new URL("websockets_client.py", import.meta.url));

test("invariant 6: Python's websockets is shown everything in order, and goes on after a kill", {
  timeout: 120_000,
}, async ({ skip }) => {
  if ("missing" in python) return skip(python.missing);
  const server = await serve();
  const token = await tokenFor(server, "python");
  const child = spawn(python.command, [script], {
    env: { ...process.env, CARILLON_URL: server.url, CARILLON_TOKEN: token },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const shown = makeShown();
  let hellos = 0;
  let resting = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const frame = JSON.parse(line) as { type: string; event: { data: number } };
    if (frame.type === "hello") hellos++;
    if (frame.type === "notification") shown.push(frame.event.data);
    if (frame.type === "cursor") {
      resting.resolve();
      resting = Promise.withResolvers();
    }
  });
  await sendNumbers(server, "python", 1, 60);
  await shown.reached(60);
  const afterwards = resting.promise;
  await sendNumbers(server, "python", 61, 61);
  await afterwards;
  await shown.reached(61);
  await server.killAndRestart();
  await sendNumbers(server, "python", 62, 120);
  await shown.reached(120);
  expect([...new Set(shown.data)]).toEqual(numbers(1, 120));
  expect(hellos).toBeGreaterThan(1);
  const exit = once(child, "exit");
  child.kill();
  await exit;
  await server.stop();
});
