/** What is left in the files of a data directory when a user was erased: read as bytes, whatever SQLite thinks of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { apply, dayMs, keepUp, record } from "../../src/store/conformance/suite.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";

const user = "erin-8c1f4b";
const marker = "marker-of-a-body-51d7";

test("neither the user's id nor anything of a body is in any file, while it is served and behind", async () => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-erased-"));
  const store = await openSqlite({ directory, identityWindowMs: dayMs });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true });
  });
  const found = (): string[] =>
    readdirSync(directory).flatMap((name) => {
      const bytes = readFileSync(join(directory, name));
      return [user, marker, "state-of-hers"]
        .filter((text) => bytes.includes(text))
        .map((text) => `${name}: ${text}`);
    });
  const { streams, directory: topics, grants, positions, people, access } = store;
  const body = (n: number) => JSON.stringify({ n, text: `${marker}${"x".repeat((n * 731) % 9_000)}` });
  await topics.putTopic("shared", "key:k");
  await topics.putTopic("hers", `user:${user}`);
  await topics.subscribe("shared", [user, "other"], 256);
  await grants.grant("shared", user, 10);
  for (let at = 0; at < 40; at++) {
    await apply(
      streams,
      ...Array.from({ length: 20 }, (_, n) =>
        record(`user:${user}`, { body: body(at * 20 + n), receipt: n === 0 }),
      ),
      record("user:other"),
      record("topic:hers", { body: body(at) }),
      record("topic:shared", {
        body: `{"specversion":"1.0","id":"${at}","source":"/users/${user}","data":"${marker}"}`,
      }),
    );
    await people.putState(user, `{"state-of-hers":${at}}`, at);
    await positions.saveDevices([{ user, device: `d${at}`, cursor: "c" }]);
    await positions.acknowledge([{ user, stream: "topic:shared", upTo: at }]);
    const until = Date.now() + dayMs;
    await access.revoke({ user, tokenId: `t${at}`, issuedBefore: null, until }, { perUser: 99, total: 99 });
  }
  expect(found().length).toBeGreaterThan(0);
  await people.beginErasing(user, null);
  while (!(await people.continueErasing(100)).done);
  await keepUp(streams);
  // Behind an answer the writer cleans up; the next is given behind that.
  await streams.upkeep(1);
  expect(found()).toEqual([]);
  expect((await streams.read("user:other", 0, 256)).rows).toHaveLength(40);
  await store.stop();
  expect(found()).toEqual([]);
});
