// Bad days of the store alone: killed in the middle of commits, and its disk full.
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../../conformance/src/client/deadline.ts";
import { mountSmallDisk, noMounts } from "../bad-days/mounts.ts";
import { sleep, surviveBadDay } from "./bad-day.ts";
import { postgresAlone, rolesApart } from "./combinations.ts";
import { deploy } from "./deployment.ts";
import { form } from "./form.ts";
import { startOwnServices } from "./own-services.ts";

const { timeoutMs: timeout } = form;
const mebibyte = 1 << 20;

const isFull = ({ directory }: { readonly directory: string }): boolean =>
  readFileSync(join(directory, "log"), "utf8").includes("No space left on device");

/** Takes all the room that there is. */
function fill(file: string): void {
  try {
    for (;;) appendFileSync(file, Buffer.alloc(mebibyte));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

describe.each([postgresAlone, rolesApart])("$name", (combination) => {
  test("invariants 1, 5, 12: PostgreSQL killed in the middle of commits", { timeout }, async () => {
    const own = await startOwnServices({ combination, atEnd: onTestFinished });
    const deployment = await deploy({ combination, backing: own, atEnd: onTestFinished });
    const { server } = own.postgres[0]!;
    await surviveBadDay({
      fault: "PostgreSQL killed in the middle of commits",
      combination,
      deployment,
      rounds: form.rounds,
      paceMs: 20,
      async happens(load) {
        for (let round = 0; round < form.rounds; round++) {
          await load.promises(5);
          await server.kill();
          await server.up();
        }
      },
    });
    await deployment.stop();
  });

  test("invariants 1 and 13: PostgreSQL's disk is full, and has room again", { timeout }, async ({
    skip,
  }) => {
    if (noMounts !== null) skip(noMounts);
    const postgresDirectory = mkdtempSync(join(tmpdir(), "carillon-full-"));
    onTestFinished(() => rmSync(postgresDirectory, { recursive: true, force: true }));
    mountSmallDisk(postgresDirectory, 160 * mebibyte);
    mkdirSync(postgresDirectory, { recursive: true });
    const own = await startOwnServices({
      combination,
      postgresDirectory,
      postgresSettings: { max_wal_size: "32MB", min_wal_size: "32MB", wal_recycle: "off" },
      atEnd: onTestFinished,
    });
    const deployment = await deploy({ combination, backing: own, atEnd: onTestFinished });
    const { server } = own.postgres[0]!;
    const ballast = join(postgresDirectory, "ballast");
    await surviveBadDay({
      fault: "PostgreSQL's disk full",
      combination,
      deployment,
      async happens(load) {
        fill(ballast);
        await eventually("it found no room", async () => (isFull(server) ? true : null), 60_000);
        // Nothing is accepted then or, with a log before it, nothing arrives.
        await sleep(form.awaysMs[0]!);
        rmSync(ballast);
        await server.up();
        await load.promises(10);
      },
    });
    expect(await server.answers()).toBe(true);
    await deployment.stop();
  });
});
