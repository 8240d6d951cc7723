/** Users and their clients: connected, dropped and audited together. */
import type { Running } from "../running.ts";
import { type Client, openClient } from "./client.ts";
import type { Ledger, Place } from "./ledger.ts";
import type { Addressed } from "./notifications.ts";
import { signToken } from "./tokens.ts";

export interface Audience {
  readonly users: readonly Addressed[];
  /** Connects all of them, at most `atOnce` at a time; resolves when all have caught up. */
  connect(atOnce?: number): Promise<void>;
  /** The first `count` of them, as far as they aren't. */
  connectUpTo(count: number): Promise<void>;
  drop(): void;
  places(): Place[];
}

/** What stands for a topic's stream in the ledger; users' own count from 0. */
export const topicNumber = 1_000_000;

const userName = (number: number): string => `b${number}`;
export const addressed = (number: number): Addressed => ({ to: `user:${userName(number)}`, stream: number });

/** `topicOf` says which topic a user follows, as a number behind `topicNumber`. */
export function makeAudience(
  server: Running,
  ledger: Ledger,
  count: number,
  topicOf: (user: number) => number = () => topicNumber,
): Audience {
  const users = Array.from({ length: count }, (_, number) => addressed(number));
  const tokens = users.map((_, number) => signToken(userName(number), server.signingKey));
  const own: Place[] = users.map(({ stream }) => ({ stream, last: 0 }));
  const topics: Place[] = users.map((_, number) => ({ stream: topicOf(number), last: 0 }));
  const cursors: (string | null)[] = users.map(() => null);
  let clients: Client[] = [];

  async function connectOne(number: number): Promise<void> {
    const mine = own[number]!;
    const topic = topics[number]!;
    const client = openClient({
      port: server.clientPorts[number % server.clientPorts.length]!,
      token: tokens[number]!,
      cursor: cursors[number]!,
      take: (taken) => ledger.take(taken.topic ? topic : mine, taken),
    });
    clients.push(client);
    cursors[number] = await client.caughtUp;
  }

  async function connectRange(from: number, to: number, atOnce: number): Promise<void> {
    let next = from;
    const connectSome = async (): Promise<void> => {
      while (next < to) await connectOne(next++);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, to - from) }, connectSome));
  }

  return {
    users,
    connect: (atOnce = 100) => connectRange(0, count, atOnce),
    connectUpTo: (to) => connectRange(clients.length, to, 100),
    drop() {
      for (const client of clients) client.drop();
      clients = [];
    },
    places: () => [...own, ...topics],
  };
}
