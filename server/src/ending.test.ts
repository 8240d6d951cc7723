import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const ending = new URL("./ending.ts", import.meta.url).href;
const logger = new URL("./telemetry/logger.ts", import.meta.url).href;

/** A process that waits for its end as the server does; `then` is what goes wrong in it. */
async function endOf(then: string) {
  const script = `
    import { endAtOnce, watchForTheEnd } from ${JSON.stringify(ending)};
    import { makeLogger } from ${JSON.stringify(logger)};
    const endings = watchForTheEnd(makeLogger({ level: "info", format: "json" }));
    const open = setInterval(() => {}, 1000);
    ${then}
    const first = await endings.first;
    process.stdout.write(first);
    if (first === "broken") endAtOnce();
    process.stdout.write(" draining");
  `;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script]);
  const closed = once(child, "close");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [, signal] = await closed;
  return { out, err, signal };
}

test("an exception that nobody caught is logged, and ends the process at once", async () => {
  const { out, err, signal } = await endOf(`setImmediate(() => { throw new Error("a bug"); });`);
  expect({ out, signal }).toEqual({ out: "broken", signal: "SIGKILL" });
  expect(JSON.parse(err)).toMatchObject({ level: "error", err: { message: "a bug" } });
});

test("so is a promise that nobody waited for", async () => {
  const { err, signal } = await endOf(`void Promise.reject(new Error("nobody waits"));`);
  expect(signal).toBe("SIGKILL");
  expect(err).toContain("nobody waits");
});

test("what breaks while it drains ends it too", async () => {
  const { out, err, signal } = await endOf(`
    process.kill(process.pid, "SIGTERM");
    process.once("SIGTERM", () => setImmediate(() => setImmediate(() => { throw new Error("too late"); })));
  `);
  expect({ out, signal }).toEqual({ out: "SIGTERM draining", signal: "SIGKILL" });
  expect(err).toContain("too late");
});
