import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fuzzed, fuzzBodies, fuzzBytes, fuzzCursors, fuzzFrames, fuzzRequests } from "./fuzz.ts";
import { makeDirectory, type ServerProcess, startServer } from "./server-process.ts";
import { makeSigner } from "./tokens.ts";

/** One process for all of it; at the end it stops as it should, and has met no bug. */
export function fuzzEverything(runs: number): void {
  const endings: (() => void | Promise<void>)[] = [];
  let server: ServerProcess;
  let fuzzed: Fuzzed;

  beforeAll(async () => {
    const atEnd = (run: () => void | Promise<void>): void => void endings.unshift(run);
    const directory = makeDirectory(atEnd);
    // All of it comes from one user, as fast as it can.
    const flags = ["--user-requests-per-second", "100000"];
    server = await startServer({ directory, atEnd, flags });
    fuzzed = { server, token: makeSigner(directory)("fuzz"), runs };
  });

  afterAll(async () => {
    expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(server.said.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    for (const run of endings) await run();
  });

  test.each([
    ["bodies", fuzzBodies],
    ["requests", fuzzRequests],
    ["bytes instead of HTTP", fuzzBytes],
    ["frames", fuzzFrames],
    ["cursors", fuzzCursors],
  ] as const)("%s", (_, fuzz) => fuzz(fuzzed));
}
