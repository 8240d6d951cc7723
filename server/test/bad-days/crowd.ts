/** Users with what they follow, their clients on every transport, and the audit of what each of them has. */
import type { StreamName } from "@carillon/protocol/stream";
import { expect } from "vitest";
import { must, tokenFor } from "./ask.ts";
import { type ComingBack, comeBack } from "./client.ts";
import type { Dice } from "./dice.ts";
import type { Gate } from "./gate.ts";
import { type Inbox, makeInbox } from "./inbox.ts";
import type { Ledger } from "./ledger.ts";
import type { ServerProcess } from "./server-process.ts";
import { openEvents } from "./transports/events.ts";
import type { OpenLine } from "./transports/line.ts";
import { openPolls } from "./transports/poll.ts";
import { openExactWebSocket, openWebSocket } from "./transports/websocket.ts";

/** Topics by user. */
export type Follows = Readonly<Record<string, readonly string[]>>;

export interface Crowd {
  /** Of everybody, each once. */
  readonly streams: readonly StreamName[];
  streamsOf(user: string): readonly StreamName[];
  /** Makes the topics and subscribes everybody. */
  prepare(server: Pick<ServerProcess, "url" | "apiKey">): Promise<void>;
  /** For each user one client a transport, and one that changes it with every connection. */
  connect(options: ConnectOptions): Promise<ComingBack[]>;
  /** Resolves when the client has all that was promised by now. */
  hasAll(client: ComingBack, ledger: Ledger): Promise<unknown>;
}

export interface ConnectOptions {
  /** Where tokens are made. */
  readonly server: Pick<ServerProcess, "url" | "apiKey">;
  readonly gate: Pick<Gate, "url">;
  readonly ledger: Ledger;
  readonly dice: Dice;
  readonly silenceMs?: number;
  /** Told apart from clients that were there before. */
  readonly generation?: string;
}

const transports: readonly OpenLine[] = [openExactWebSocket, openWebSocket, openEvents, openPolls];

export function makeCrowd(follows: Follows): Crowd {
  const users = Object.keys(follows);
  const topics = [...new Set(Object.values(follows).flat())];
  const streamsOf = (user: string): StreamName[] => [
    `user:${user}`,
    ...follows[user]!.map((topic): StreamName => `topic:${topic}`),
  ];

  return {
    streams: [...new Set(users.flatMap(streamsOf))],
    streamsOf,

    async prepare({ url, apiKey }) {
      for (const topic of topics) {
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
    },

    async connect({ server, gate, ledger, dice, silenceMs, generation = "" }) {
      const clients: ComingBack[] = [];
      const patience = silenceMs === undefined ? {} : { silenceMs };
      for (const user of users) {
        const token = await tokenFor(server, user);
        const one = (name: string, transport: () => OpenLine): void => {
          const inbox = makeInbox(`${user}'s ${generation}${name}`, ledger);
          clients.push(comeBack({ gate, token, inbox, transport, ...patience }));
        };
        for (const open of transports) one(open.name, () => open);
        one("client that changes", () => dice.pick(transports));
      }
      return clients;
    },

    hasAll: ({ inbox }, ledger) =>
      Promise.all(streamsOf(userOf(inbox)).map((stream) => inbox.has(stream, ledger.owedIn(stream).size))),
  };
}

export const userOf = ({ who }: { readonly who: string }): string => who.slice(0, who.indexOf("'"));

/** Has exactly what was promised at the places that were promised, once the producers have stopped. */
export function expectWhole(crowd: Crowd, inbox: Inbox, ledger: Ledger): void {
  expect([...inbox.received.keys()].sort()).toEqual(crowd.streamsOf(userOf(inbox)).toSorted());
  for (const [stream, ids] of inbox.received) {
    const promised = ledger.promisedIn(stream);
    expect(ids, `${inbox.who}, ${stream}`).toEqual(ids.map((_, at) => promised.get(at + 1) ?? ids[at]));
    expect(new Set(ids), `${inbox.who}, ${stream}`).toEqual(ledger.owedIn(stream));
    expect(ids.length, `${inbox.who}, ${stream}`).toBe(ledger.owedIn(stream).size);
  }
}
