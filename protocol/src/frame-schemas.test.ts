import type { Static, TSchema } from "typebox";
import { expect, test } from "vitest";
import { clientFrames, serverFrames } from "./frame-schemas.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";

/** True where two types take each other's values; an optional member counts as a member. */
type Same<A, B> = [A] extends [B]
  ? [B] extends [A]
    ? [Required<A>] extends [Required<B>]
      ? [Required<B>] extends [Required<A>]
        ? true
        : false
      : false
    : false
  : false;

type Schemas<T extends Record<string, TSchema>> = { [K in keyof T]: Static<T[K]> };
type Of<Frame extends { type: string }, Type extends string> = Extract<Frame, { type: Type }>;
type FromServer = Schemas<typeof serverFrames>;
type FromClient = Schemas<typeof clientFrames>;

const server: { [K in keyof FromServer]: Same<FromServer[K], Of<ServerFrame, FromServer[K]["type"]>> } = {
  hello: true,
  notification: true,
  "caught-up": true,
  cursor: true,
  gap: true,
  subscribe: true,
  read: true,
  archive: true,
  unread: true,
  state: true,
  ping: true,
  reply: true,
  error: true,
  goaway: true,
};
const client: { [K in keyof FromClient]: Same<FromClient[K], Of<ClientFrame, FromClient[K]["type"]>> } = {
  ack: true,
  read: true,
  archive: true,
  seen: true,
  subscribe: true,
  unsubscribe: true,
  send: true,
  auth: true,
  ping: true,
};
const all: [
  Same<FromServer[keyof FromServer]["type"], ServerFrame["type"]>,
  Same<FromClient[keyof FromClient]["type"], ClientFrame["type"]>,
] = [true, true];

test("every frame has a schema that says the same as its type", () => {
  expect(Object.keys(serverFrames)).toEqual(Object.keys(server));
  expect(Object.keys(clientFrames)).toEqual(Object.keys(client));
  expect(all).toEqual([true, true]);
});
