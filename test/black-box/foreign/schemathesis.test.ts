// Requests made up from openapi.json by schemathesis: no 500, and every answer as the document has it.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, serve } from "../process.ts";
import { tokenFor } from "../producer.ts";
import { findPython } from "./peers.ts";

const python = findPython("schemathesis");
const document = fileURLToPath(new URL("../../../protocol/openapi.json", import.meta.url));
const { paths } = JSON.parse(readFileSync(document, "utf8")) as {
  paths: Record<string, Record<string, { security: Record<string, unknown>[] }>>;
};

/** Streams don't end by themselves; the exam in conformance/ looks at them. */
const endless = ["/v1/events", "/v1/live"];
/** Made up, it would take the clients' token away; the exam doesn't leave it out. */
const forEverybody = ["/v1/revocations"];

const pathsFor = (scheme: string): string[] =>
  Object.keys(paths).filter(
    (path) =>
      ![...endless, ...forEverybody].includes(path) &&
      Object.values(paths[path]!).every(({ security }) => security.some((one) => scheme in one)),
  );

let server: Server;
let directory: string;
beforeAll(async () => {
  server = await serve(["--poll-wait", "1s", "--user-requests-per-second", "100000"]);
  directory = mkdtempSync(join(tmpdir(), "carillon-schemathesis-"));
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Resolves with what it printed; an exit status other than 0 is among it. */
function run(credential: string, scheme: string, seconds: number): Promise<string> {
  const args = [
    ...["-m", "schemathesis.cli", "run", document, "--url", server.url],
    ...["--header", `Authorization: Bearer ${credential}`],
    ...pathsFor(scheme).flatMap((path) => ["--include-path", path]),
    ...["--seed", "1", "--max-time", String(seconds), "--phases", "examples,coverage,fuzzing"],
    // What a schema can't say (two members that exclude each other, days that don't exist) may be refused.
    ...["--exclude-checks", "positive_data_acceptance", "--generation-database", "none"],
    ...["--no-color", "--warnings", "off", "--continue-on-failure"],
  ];
  const command = "missing" in python ? "" : python.command;
  return new Promise((resolve) => {
    execFile(command, args, { cwd: directory, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve(error === null ? stdout : `exit status ${error.code}\n${stdout}${stderr}`);
    });
  });
}

describe.concurrent("schemathesis finds no answer that the document doesn't have", () => {
  test("to producers", { timeout: 120_000 }, async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const said = await run(server.key, "key", 15);
    expect(said).not.toMatch(/exit status/);
    expect(said).toMatch(/Tested: \d+/);
  });

  test("to clients", { timeout: 120_000 }, async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const said = await run(await tokenFor(server, "made-up"), "token", 10);
    expect(said).not.toMatch(/exit status/);
    expect(said).toMatch(/Tested: \d+/);
  });
});

test("and the server has met no bug", ({ skip }) => {
  if ("missing" in python) return skip(python.missing);
  expect(server.log()).not.toMatch(/"level":"(error|fatal)"/);
});
