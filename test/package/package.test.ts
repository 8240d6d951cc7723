// The package as its users have it: packed, installed in an empty folder, run by the Node of their choice
// (PACKAGE_NODE: an executable; else this one), and examined from outside.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { conformance } from "../../conformance/src/suite.ts";
import { type Server, serve } from "../black-box/process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const node = process.env["PACKAGE_NODE"] ?? process.execPath;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "carillon-package-")));
const installed = join(folder, "node_modules/carillon");
const command = join(folder, "node_modules/.bin/carillon");
let server: Server;

beforeAll(async () => {
  const [packed] = JSON.parse(npm(["pack", "--json", "--pack-destination", folder], root)) as {
    filename: string;
  }[];
  npm(
    ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, packed?.filename ?? "")],
    folder,
  );
  server = await serve(["--heartbeat", "3s"], [node, command]);
}, 300_000);

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(server.log()).not.toMatch(/"level":"(error|fatal)"/);
});

function npm(args: string[], cwd: string): string {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

test("it says its version", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(execFileSync(node, [command, "--version"], { encoding: "utf8" })).toBe(`${version}\n`);
});

test("it brings JavaScript, and neither tests nor sources in TypeScript", () => {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  expect(files).toContain("dist/server/src/main.js");
  expect(files.filter((file) => /\.ts$|\.test\.|conformance/.test(file))).toEqual([]);
});

conformance(() => server);
