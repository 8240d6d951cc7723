/**
 * SIGKILL at random moments, over and over, on one data directory: while producers send, while clients catch up,
 * while the server starts. What was promised must be there, once and in order, for everybody.
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import type { ComingBack } from "./client.ts";
import { expectWhole, makeCrowd } from "./crowd.ts";
import { type Dice, makeDice } from "./dice.ts";
import { makeGate } from "./gate.ts";
import { type Ledger, makeLedger } from "./ledger.ts";
import { produce } from "./producer.ts";
import { makeDirectory, spawnServer, startServer } from "./server-process.ts";

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

const crowd = makeCrowd({ ada: ["all", "few"], bob: ["all", "few"], eve: ["all"] });
const { streams } = crowd;
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

export async function playKills({ rounds, seed }: KillsOptions): Promise<KillsResult> {
  const dice = makeDice(seed);
  const directory = makeDirectory();
  const gate = makeGate();
  const ledger = makeLedger();
  const promises = makePromises();
  let killedWhileStarting = 0;

  let server = await startServer({ directory, flags });
  await crowd.prepare(server);
  const clients = await crowd.connect({ server, gate, ledger, dice });
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
  const newcomers = await crowd.connect({ server, gate, ledger, dice, generation: "new " });
  const everybody = [...clients, ...newcomers];
  await Promise.race([ledger.broken, Promise.all(everybody.map((client) => crowd.hasAll(client, ledger)))]);
  await Promise.all(everybody.map((client) => client.stop()));
  expect(ledger.violations).toEqual([]);
  for (const { inbox } of everybody) expectWhole(crowd, inbox, ledger);
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
