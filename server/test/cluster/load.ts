/** Producers and clients of a deployment that go on through whatever is done to it, and the audit at the end. */
import { expect } from "vitest";
import type { ComingBack } from "../bad-days/client.ts";
import { type Follows, makeCrowd } from "../bad-days/crowd.ts";
import { makeDice } from "../bad-days/dice.ts";
import type { Gate } from "../bad-days/gate.ts";
import { type Ledger, makeLedger } from "../bad-days/ledger.ts";
import { produce } from "../bad-days/producer.ts";
import { auditClient, delaysOf, type Figures } from "./audit.ts";
import { type Deployment, silenceMs } from "./deployment.ts";

export interface LoadOptions {
  readonly seed: number;
  /** Keeps the users and topics of one load from those of another on the same deployment. */
  readonly tag?: string;
  /** Besides the usual three, five clients each. */
  readonly moreUsers?: number;
  readonly producers?: number;
  /** Between two requests of a producer, on average. */
  readonly paceMs?: number;
  readonly patienceMs?: number;
}

export interface Load {
  readonly ledger: Ledger;
  readonly clients: readonly ComingBack[];
  /** Resolves after so many more answers with promises, or with the first violation. */
  promises(more: number): Promise<unknown>;
  /** Resolves when every client has all that was promised when it was called; or with the first violation. */
  caughtUp(): Promise<unknown>;
  /**
   * Ends the sending, lets everybody have what was promised, clients that begin from the start too, and audits.
   * Everything must serve again. What isn't there after `settleMs` is lost.
   */
  finish(settleMs?: number): Promise<Figures>;
  /** Ends it wherever it is. */
  abandon(): void;
}

const followsOf = (tag: string, more: number): Follows => ({
  [`${tag}ada`]: [`${tag}all`, `${tag}few`],
  [`${tag}bob`]: [`${tag}all`],
  [`${tag}mia`]: [],
  ...Object.fromEntries(Array.from({ length: more }, (_, at) => [`${tag}u${at}`, []])),
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function startLoad(deployment: Deployment, options: LoadOptions): Promise<Load> {
  const { seed, tag = "", moreUsers = 0, paceMs = 100, patienceMs = 20_000 } = options;
  const dice = makeDice(seed);
  const crowd = makeCrowd(followsOf(tag, moreUsers));
  const ledger = makeLedger();
  const waits = new Set<{ left: number; readonly done: () => void }>();
  const refusals = { told: 0, longestMs: 0, lost: 0, unanswered: 0 };
  const front = deployment.front();

  const anyOf = (role: "receiver" | "distributor", restMs: number): Pick<Gate, "url"> => ({
    async url() {
      for (;;) {
        await sleep(dice.int(2 * restMs));
        if (abandoned) await new Promise(() => {});
        const urls = deployment.urls(role);
        if (urls.length > 0) return dice.pick(urls);
      }
    },
  });
  async function connect(generation = ""): Promise<ComingBack[]> {
    const gate = anyOf("distributor", 20);
    const server = deployment.front();
    const clients = await crowd.connect({ server, gate, ledger, dice, silenceMs, generation });
    everybody.push(...clients);
    return clients;
  }
  const everybody: ComingBack[] = [];
  let abandoned = false;
  const all = (clients: readonly ComingBack[]): Promise<unknown> =>
    Promise.race([ledger.broken, Promise.all(clients.map((client) => crowd.hasAll(client, ledger)))]);

  await crowd.prepare(front);
  const clients = await connect();
  const producers = Array.from({ length: options.producers ?? 3 }, (_, at) =>
    produce({
      name: `p${at}`,
      gate: anyOf("receiver", paceMs),
      apiKey: deployment.apiKey,
      ledger,
      dice,
      streams: crowd.streams,
      patienceMs,
      onPromise() {
        for (const wait of waits) if (--wait.left === 0) wait.done();
      },
      onRefusal(answer, tookMs) {
        if (answer !== null) {
          refusals.told++;
          refusals.longestMs = Math.max(refusals.longestMs, Math.round(tookMs));
          if (answer.status === 503 && !(Number(answer.headers["retry-after"]) > 0))
            ledger.violated(`503 without Retry-After: ${answer.text}`);
        } else if (tookMs < patienceMs - 100) refusals.lost++;
        else refusals.unanswered++;
      },
    }),
  );

  return {
    ledger,
    clients,
    promises: (more) =>
      Promise.race([
        ledger.broken,
        new Promise<void>((resolve) => {
          const wait = {
            left: more,
            done() {
              waits.delete(wait);
              resolve();
            },
          };
          waits.add(wait);
        }),
      ]),
    caughtUp: () => all(clients),
    abandon() {
      abandoned = true;
      for (const client of everybody) void client.stop();
    },
    async finish(settleMs = 90_000) {
      await Promise.race([ledger.broken, Promise.all(producers.map((producer) => producer.stop()))]);
      await connect("new ");
      await Promise.race([all(everybody), sleep(settleMs)]);
      await Promise.all(everybody.map((client) => client.stop()));
      const lost = everybody.reduce((sum, client) => sum + auditClient(crowd, client, ledger).lost, 0);
      return {
        notifications: ledger.count(),
        deliveries: everybody.reduce(
          (sum, { inbox }) =>
            sum + [...inbox.received.values()].reduce((total, ids) => total + ids.length, 0),
          0,
        ),
        lost,
        repeated: ledger.counts.repeated,
        outOfOrder: ledger.counts["out of order"],
        delayMs: delaysOf(clients, ledger),
        refusals,
        sessions: everybody.reduce((sum, client) => sum + client.sessions(), 0),
        ownEnds: deployment.members.reduce((sum, member) => sum + member.ownEnds(), 0),
      };
    },
  };
}

/** What every bad day must end with. */
export function expectNothingWrong({ ledger }: Load, figures: Figures): void {
  expect(ledger.violations).toEqual([]);
  expect(figures).toMatchObject({ lost: 0, repeated: 0, outOfOrder: 0 });
}
