// Runs the README's commands, one after the other, as a reader would. Only the install is left to CI.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, makeReader, type Reader } from "./reader.ts";

const readme = readFileSync(join(checkout, "README.md"), "utf8");
const commands = [...readme.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, text]) => text!);

let reader: Reader;
beforeAll(() => {
  reader = makeReader();
});
afterAll(() => reader.leave());

const [start, listen, send, post, events, help, tests] = commands;

test("the commands of the README start it, watch and send", async () => {
  expect(commands).toHaveLength(7);
  expect(start).toBe("npm ci && npm start");
  await reader.type(start!.replace("npm ci && ", "")).says(/Ctrl-C stops it/);
  const listener = reader.type(listen!);
  await listener.says(/connected to/);
  expect(await reader.type(send!).ended).toMatchObject({
    status: 0,
    text: expect.stringContaining("stored user:42 at 1"),
  });
  await listener.says(/user:42 #1 {2}order\.shipped {2}\{"title":"On its way"\}/);
  expect((await reader.type(help!).ended).text).toContain("--drain-window");
  expect(tests).toBe("npm test");
}, 60_000);

test("those with curl send and receive as well", async ({ skip }) => {
  if (spawnSync("curl", ["--version"]).error) skip("there is no curl on this machine");
  const here = (command: string | undefined) => command!.replaceAll("http://127.0.0.1:7700", reader.url());
  expect((await reader.type(here(post)).ended).text).toContain(
    '"receipts":[{"to":"user:42","status":"stored","seq":2}]',
  );
  expect((await reader.type(here(events)).ended).text).toMatch(/event: notification\n(.*\n)*.*"seq":2/);
}, 60_000);

test("what the README points at is there", () => {
  for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)|^\| `/gm)) {
    if (path !== undefined) expect(readdirSync(join(checkout, path, ".."))).toContain(path.split("/").at(-1));
  }
  for (const [, folder] of readme.matchAll(/`(\w+)\/`/g)) expect(readdirSync(checkout)).toContain(folder);
});

test("every path that ARCHITECTURE.md names is there", () => {
  const text = readFileSync(join(checkout, "ARCHITECTURE.md"), "utf8");
  const named = [...text.matchAll(/`([\w./-]+\/[\w./-]*)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter(
    (path) => !existsSync(join(checkout, path)) && !existsSync(join(checkout, "server/src", path)),
  );
  expect(missing.filter((path) => !path.startsWith("/"))).toEqual([]);
});
