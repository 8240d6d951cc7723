// Runs the README's commands, one after the other, as a reader would: in a directory that looks like the
// checkout, so that its data lands elsewhere, and on a free port. Only the install is left to CI.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const checkout = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(checkout, "README.md"), "utf8");
const commands = [...readme.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, text]) => text!);
const started: ChildProcess[] = [];
let home = "";

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "carillon-readme-"));
  for (const name of readdirSync(checkout)) {
    if (name !== ".git" && name !== "carillon-data") symlinkSync(join(checkout, name), join(home, name));
  }
});

afterAll(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const closed = new Promise((resolve) => child.once("close", resolve));
    process.kill(-child.pid!, "SIGKILL");
    await closed;
  }
  rmSync(home, { recursive: true, force: true });
});

/** Runs it as a shell would, in a process group of its own; `says` resolves once that is printed. */
function run(command: string) {
  const own = Object.entries(process.env).filter(([name]) => !/^(CARILLON|npm)_/i.test(name));
  const env = { ...Object.fromEntries(own), CARILLON_PORT: "0", CARILLON_OPERATIONS_PORT: "0" };
  const child = spawn("sh", ["-c", command], {
    cwd: home,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let text = "";
  const look = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      for (const each of look) each();
    });
  }
  const ended = new Promise<{ status: number | null; text: string }>((resolve) => {
    child.on("close", (status) => resolve({ status, text }));
  });
  const says = (what: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const check = () => {
        const found = what.exec(text);
        if (found !== null) resolve(found);
      };
      look.add(check);
      check();
      void ended.then(({ status }) =>
        reject(new Error(`ended with ${status} before it said ${what}:\n${text}`)),
      );
    });
  return { ended, says };
}

const [start, listen, send, post, events, help, tests] = commands;
const server = () => started[0]!;

test("the commands of the README start it, watch and send", async () => {
  expect(commands).toHaveLength(7);
  expect(start).toBe("npm ci && npm start");
  await run(start!.replace("npm ci && ", "")).says(/Ctrl-C stops it/);
  const listener = run(listen!);
  await listener.says(/connected to/);
  expect(await run(send!).ended).toMatchObject({
    status: 0,
    text: expect.stringContaining("stored user:42 at 1"),
  });
  await listener.says(/user:42 #1 {2}order\.shipped {2}\{"title":"On its way"\}/);
  expect((await run(help!).ended).text).toContain("--drain-window");
  expect(tests).toBe("npm test");
}, 60_000);

test("those with curl send and receive as well", async ({ skip }) => {
  if (spawnSync("curl", ["--version"]).error) skip("there is no curl on this machine");
  expect(server().exitCode).toBeNull();
  const { url } = JSON.parse(readFileSync(join(home, "carillon-data/serving.json"), "utf8")) as {
    url: string;
  };
  const here = (command: string | undefined) => command!.replaceAll("http://127.0.0.1:7700", url);
  expect((await run(here(post)).ended).text).toContain(
    '"receipts":[{"to":"user:42","status":"stored","seq":2}]',
  );
  expect((await run(here(events)).ended).text).toMatch(/event: notification\n(.*\n)*.*"seq":2/);
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
