import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { verify } from "../../src/promotion/flow.ts";
import { openPostgresTarget } from "../../src/store/postgres/transfer/open.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import { openSqliteSource } from "../../src/store/sqlite/transfer/open.ts";
import type { TransferSource, TransferTarget } from "../../src/store/transfer.ts";
import { type Databases, makeDatabases } from "../store/postgres-stage.ts";
import { fillDirectory } from "./fill.ts";
import { move } from "./stage.ts";

let directory: string;
let databases: Databases;
let source: TransferSource;
let target: TransferTarget;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "carillon-tampered-"));
  await fillDirectory(directory, { notifications: 12_000, streams: 20, inOne: 11_000, subscriptions: 10 });
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  await store.positions.saveDevices([{ user: "u1", device: "phone", cursor: "AQE" }]);
  await store.positions.acknowledge([{ user: "u1", stream: "topic:all", upTo: 11_000 }]);
  await store.grants.grant("all", "u1", 1_000);
  await store.access.addKey({
    name: "shop",
    hash: "h",
    scopes: ["send"],
    sources: ["*"],
    createdAt: 1,
    expiresAt: null,
  });
  await store.stop();
  databases = await makeDatabases(1);
  source = await openSqliteSource(directory);
  target = await openPostgresTarget({ urls: databases.urls, connections: 2, parts: 4 });
  expect(await move({ source, target })).toMatchObject({ is: "done" });
});

afterAll(async () => {
  await target.close();
  await source.close();
  await databases.remove();
  rmSync(directory, { recursive: true });
});

const inTopic = "stream_id = (SELECT id FROM streams WHERE name = 'topic:all')";

/** What somebody did to the target, how it is undone, and what is said of it. */
const tampered: readonly (readonly [sql: string, undo: string, said: RegExp])[] = [
  [
    `UPDATE notifications SET body = body || ' ' WHERE ${inTopic} AND seq = 10999`,
    `UPDATE notifications SET body = rtrim(body) WHERE ${inTopic} AND seq = 10999`,
    /rows of topic:all from 10001 come to/,
  ],
  [
    `UPDATE notifications SET seq = 20000 WHERE ${inTopic} AND seq = 7`,
    `UPDATE notifications SET seq = 7 WHERE ${inTopic} AND seq = 20000`,
    /rows of topic:all from 1 to 5000: 5000 in .*, 4999 in/,
  ],
  [
    `UPDATE notifications SET key = upper(key) WHERE ${inTopic} AND seq = 500`,
    `UPDATE notifications SET key = lower(key) WHERE ${inTopic} AND seq = 500`,
    /rows of topic:all from 1 to 5000 come to/,
  ],
  [
    `UPDATE notifications SET expires_at = expires_at + 1 WHERE ${inTopic} AND seq = 21`,
    `UPDATE notifications SET expires_at = expires_at - 1 WHERE ${inTopic} AND seq = 21`,
    /rows of topic:all from 1 to 5000 come to/,
  ],
  [
    `UPDATE notifications SET kind = 1 - kind WHERE ${inTopic} AND seq = 2`,
    `UPDATE notifications SET kind = 1 - kind WHERE ${inTopic} AND seq = 2`,
    /rows of topic:all from 1 to 5000 come to/,
  ],
  [
    "UPDATE streams SET head = head + 1 WHERE name = 'user:u3'",
    "UPDATE streams SET head = head - 1 WHERE name = 'user:u3'",
    /head of user:u3/,
  ],
  [
    "UPDATE streams SET rev = rev + 1 WHERE name = 'user:u3'",
    "UPDATE streams SET rev = rev - 1 WHERE name = 'user:u3'",
    /rev of user:u3/,
  ],
  [
    "UPDATE subscriptions SET since = since + 1 WHERE user_name = 'u3'",
    "UPDATE subscriptions SET since = since - 1 WHERE user_name = 'u3'",
    /subscriptions come to/,
  ],
  ["UPDATE topics SET owner = 'key:thief'", "UPDATE topics SET owner = 'key:shop'", /topics come to/],
  ["UPDATE marks SET up_to = up_to + 1", "UPDATE marks SET up_to = up_to - 1", /marks come to/],
  ["UPDATE marks SET kind = 5 - kind", "UPDATE marks SET kind = 5 - kind", /marks come to/],
  [
    "UPDATE marks SET excepted = excepted || 1000::bigint WHERE kind = 1",
    "UPDATE marks SET excepted = array_remove(excepted, 1000)",
    /marks come to/,
  ],
  [
    "UPDATE topics SET subscribe = 'open'",
    "UPDATE topics SET subscribe = 'closed'",
    /what the topics come to/,
  ],
  ["UPDATE grants SET user_name = 'thief'", "UPDATE grants SET user_name = 'u1'", /grants come to/],
  ["UPDATE devices SET cursor = 'AQI'", "UPDATE devices SET cursor = 'AQE'", /devices come to/],
  [
    "UPDATE receipts SET seq = -seq WHERE id = (SELECT min(id) FROM receipts)",
    "UPDATE receipts SET seq = -seq WHERE seq < 0",
    /receipts come to/,
  ],
  [`UPDATE api_keys SET scopes = '["admin"]'`, `UPDATE api_keys SET scopes = '["send"]'`, /keys come to/],
  [
    "INSERT INTO streams(name, part, head, trimmed) VALUES ('user:stranger', 0, 1, 1)",
    "DELETE FROM streams WHERE name = 'user:stranger'",
    /how many streams/,
  ],
  ["UPDATE meta SET epoch = epoch + 1", "UPDATE meta SET epoch = epoch - 1", /epoch/],
];

test("notices whatever was changed in the target, and says where", { timeout: 120_000 }, async () => {
  const look = () =>
    verify({
      source,
      target,
      tell: () => {},
      clock: systemClock,
      signal: new AbortController().signal,
      patienceMs: 0,
      waiting: () => {},
    });
  for (const [sql, undo, said] of tampered) {
    await databases.run(sql);
    const found = await look();
    expect(found, sql).toEqual({
      is: "differs",
      differences: expect.arrayContaining([expect.stringMatching(said)]),
    });
    await databases.run(undo);
  }
  expect(await look()).toMatchObject({ is: "done" });
});
