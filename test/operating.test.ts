// Runs the commands of the operators' pages, in their order, as an operator would.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePlace, type Place } from "../cli/test/command.ts";

const inCheckout = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The commands of a page, a line each. */
const commandsOf = (page: string): string[] =>
  [
    ...readFileSync(inCheckout(`docs/operating/${page}`), "utf8").matchAll(/^ *```sh\n(.*?)\n *```$/gms),
  ].flatMap(([, block]) => block!.split("\n").map((line) => line.trim()));

let place: Place;

beforeEach(() => {
  place = makePlace();
  const bin = join(place.directory, "bin");
  mkdirSync(bin);
  const main = inCheckout("cli/src/main.ts");
  writeFileSync(join(bin, "carillon"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(join(bin, "carillon"), 0o755);
});

afterEach(() => place.leave());

function run(command: string): Promise<{ readonly status: number | null; readonly text: string }> {
  const child = spawn("sh", ["-c", command], {
    cwd: place.directory,
    env: { ...process.env, PATH: `${join(place.directory, "bin")}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  }
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, text })));
}

test.each([
  ["upkeep.md", 3],
  ["backup.md", 5],
])("%s: what it says to type works", async (page, least) => {
  const commands = commandsOf(page).filter((command) => command.startsWith("carillon "));
  expect(commands.length).toBeGreaterThanOrEqual(least);
  const server = await place.serve();
  await place.done(["send", "user:42", "--type", "order.shipped"]);
  for (const command of commands) {
    if (/^carillon serve /.test(command)) {
      server.child.kill("SIGTERM");
      await server.ended;
      await place.serve(command.split(" ").slice(2));
      const directory = /--data-directory (\S+)/.exec(command)![1]!;
      const listened = await place.done(["listen", "42", "--count", "1", "--data-directory", directory]);
      expect(listened).toMatchObject({ status: 0, out: expect.stringContaining("order.shipped") });
    } else expect({ command, ...(await run(command)) }).toMatchObject({ status: 0 });
  }
});
