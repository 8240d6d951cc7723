/** A backend of the plainest kind: it counts, and sends each number as a notification. */
import { randomUUID } from "node:crypto";
import type { Server } from "./process.ts";

async function post(server: Server, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok || response.status === 207) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

export async function tokenFor(server: Server, user: string): Promise<string> {
  const { token } = (await post(server, `/v1/users/${user}/tokens`, { ttl: "1h" })) as { token: string };
  return token;
}

/** `from` to `to`, both included, in one request. */
export async function sendNumbers(server: Server, user: string, from: number, to: number): Promise<void> {
  const items = numbers(from, to).map((data) => ({
    to: `user:${user}`,
    source: "/black-box",
    id: randomUUID(),
    type: "number",
    data,
  }));
  await post(server, "/v1/notifications", items);
}

export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** What a client of another's making was shown, and who waits for it. */
export interface Shown {
  readonly data: number[];
  push(value: number): void;
  /** Resolves when this number has been shown. */
  reached(value: number): Promise<void>;
}

export function makeShown(): Shown {
  const data: number[] = [];
  let waiting: { value: number; resolve: () => void }[] = [];
  return {
    data,
    push(value) {
      data.push(value);
      for (const one of waiting) if (one.value === value) one.resolve();
      waiting = waiting.filter((one) => one.value !== value);
    },
    reached(value) {
      if (data.includes(value)) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ value, resolve });
      return promise;
    },
  };
}
