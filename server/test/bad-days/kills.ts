/**
 * SIGKILL at random moments, over and over, on one data directory: while producers send, while clients catch up,
 * while the server starts. What was promised must be there, once and in order, for everybody.
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StreamName } from "@carillon/protocol/stream";
import { expect } from "vitest";
import { must, tokenFor } from "./ask.ts";
import { type ComingBack, comeBack } from "./client.ts";
import { type Dice, makeDice } from "./dice.ts";
import { type Gate, makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { type Ledger, makeLedger } from "./ledger.ts";
import { produce } from "./producer.ts";
import { makeDirectory, type ServerProcess, spawnServer, startServer } from "./server-process.ts";
import { openEvents } from "./transports/events.ts";
import type { OpenLine } from "./transports/line.ts";
import { openPolls } from "./transports/poll.ts";
import { openExactWebSocket, openWebSocket } from "./transports/websocket.ts";

export interface KillsOptions {
  readonly rounds: number;
  readonly seed: number;
}

export interface KillsResult {
  readonly promised: number;
  readonly received: number;
  readonly repeats: number;
  readonly sessions: number;
  readonly killedWhileStarting: number;
}

const follows: Readonly<Record<string, readonly string[]>> = {
  ada: ["all", "few"],
  bob: ["all", "few"],
  eve: ["all"],
};
const users = Object.keys(follows);
const streamsOf = (user: string): StreamName[] => [
  `user:${user}`,
  ...follows[user]!.map((topic): StreamName => `topic:${topic}`),
];
const streams = [...new Set(users.flatMap(streamsOf))];
const transports: readonly OpenLine[] = [openExactWebSocket, openWebSocket, openEvents, openPolls];
const producers = 4;
/** Nothing is left out of what is replayed, however far a client is behind. */
const flags = ["--replay-rows", "100000", "--log-level", "warn"];

/** As many answers as asked for have come. */
function makePromises(): { readonly came: () => void; after(count: number): Promise<void> } {
  let count = 0;
  let due = Number.POSITIVE_INFINITY;
  let wake = (): void => {};
  return {
    came() {
      if (++count >= due) wake();
    },
    after: (more) =>
      new Promise((resolve) => {
        due = count + more;
        wake = resolve;
      }),
  };
}

const randomly = (dice: Dice, mostMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, dice.int(mostMs)));

async function prepare({ url, apiKey }: ServerProcess): Promise<void> {
  for (const topic of ["all", "few"]) {
    await must(201, `${url}/v1/topics/${topic}`, {
      method: "PUT",
      bearer: apiKey,
      headers: { "content-type": "application/json" },
      body: "{}",
    });
  }
  for (const user of users) {
    for (const topic of follows[user]!) {
      await must(204, `${url}/v1/topics/${topic}/subscribers/${user}`, { method: "PUT", bearer: apiKey });
    }
  }
}

export async function playKills({ rounds, seed }: KillsOptions): Promise<KillsResult> {
  const dice = makeDice(seed);
  const directory = makeDirectory();
  const gate = makeGate();
  const ledger = makeLedger();
  const promises = makePromises();
  let killedWhileStarting = 0;

  let server = await startServer({ directory, flags });
  await prepare(server);
  const clients = await connectAll(server, gate, ledger, dice);
  const sending = Array.from({ length: producers }, (_, at) =>
    produce({
      name: `p${at}`,
      gate,
      apiKey: server.apiKey,
      ledger,
      dice,
      streams,
      onPromise: promises.came,
    }),
  );

  for (let round = 0; round < rounds && ledger.violations.length === 0; round++) {
    gate.open(server.url);
    await Promise.race([ledger.broken, promises.after(1 + dice.int(40))]);
    if (dice.chance(0.3)) dice.pick(clients).cut();
    await randomly(dice, 15);
    gate.close();
    await server.kill("SIGKILL");
    while (dice.chance(0.15)) {
      const starting = spawnServer({ directory, flags });
      await randomly(dice, 800);
      starting.child.kill("SIGKILL");
      await starting.exit;
      killedWhileStarting++;
    }
    server = await startServer({ directory, flags });
  }

  gate.open(server.url);
  await Promise.race([ledger.broken, Promise.all(sending.map((producer) => producer.stop()))]);
  expect(ledger.violations).toEqual([]);
  const newcomers = await connectAll(server, gate, ledger, dice);
  const everybody = [...clients, ...newcomers];
  await Promise.race([ledger.broken, Promise.all(everybody.map((client) => hasTheLast(client, ledger)))]);
  await Promise.all(everybody.map((client) => client.stop()));
  expect(ledger.violations).toEqual([]);
  for (const { inbox } of everybody) audit(inbox, ledger);
  await server.kill("SIGKILL");
  auditFile(join(directory, "carillon.db"), ledger);

  const sum = (of: (client: ComingBack) => number): number =>
    everybody.reduce((total, one) => total + of(one), 0);
  return {
    promised: ledger.count(),
    received: sum(({ inbox }) => [...inbox.received.values()].reduce((total, ids) => total + ids.length, 0)),
    repeats: sum(({ inbox }) => inbox.repeats()),
    sessions: sum((client) => client.sessions()),
    killedWhileStarting,
  };
}

/** For each user one client a transport, and one that changes it with every connection. */
async function connectAll(
  server: ServerProcess,
  gate: Gate,
  ledger: Ledger,
  dice: Dice,
): Promise<ComingBack[]> {
  const clients: ComingBack[] = [];
  for (const user of users) {
    const token = await tokenFor(server, user);
    const one = (name: string, transport: () => OpenLine): void => {
      clients.push(comeBack({ gate, token, inbox: makeInbox(`${user}'s ${name}`, ledger), transport }));
    };
    for (const open of transports) one(open.name, () => open);
    one("client that changes", () => dice.pick(transports));
  }
  return clients;
}

const userOf = ({ who }: { readonly who: string }): string => who.slice(0, who.indexOf("'"));

/** Nothing was sent after the producers' last: whatever isn't there by then is lost. */
const hasTheLast = ({ inbox }: ComingBack, ledger: Ledger): Promise<unknown> =>
  Promise.all(
    streamsOf(userOf(inbox)).map((stream) => {
      const promised = [...ledger.promisedIn(stream)];
      return inbox.has(
        stream,
        Math.max(...promised.flatMap(([seq, id]) => (id.endsWith("-last") ? [seq] : []))),
      );
    }),
  );

function audit(inbox: ComingBack["inbox"], ledger: Ledger): void {
  expect([...inbox.received.keys()].sort()).toEqual(streamsOf(userOf(inbox)).sort());
  for (const [stream, ids] of inbox.received) {
    const promised = ledger.promisedIn(stream);
    expect(ids, `${inbox.who}, ${stream}`).toEqual(ids.map((_, at) => promised.get(at + 1)));
    expect(ids.length, `${inbox.who}, ${stream}`).toBe(promised.size);
  }
}

/** The file itself, as the last kill left it: sound, and with nothing in it but what was promised. */
function auditFile(file: string, ledger: Ledger): void {
  const db = new DatabaseSync(file);
  try {
    expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const rows = db
      .prepare(
        `SELECT name, count(*) AS kept, min(seq) AS first, max(seq) AS last
         FROM streams JOIN notifications ON stream_id = streams.id GROUP BY name ORDER BY name`,
      )
      .all();
    expect(rows.map((row) => ({ ...row }))).toEqual(
      streams.toSorted().map((name) => {
        const { size } = ledger.promisedIn(name);
        return { name, kept: size, first: 1, last: size };
      }),
    );
  } finally {
    db.close();
  }
}
