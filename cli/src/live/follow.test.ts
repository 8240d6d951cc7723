import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame } from "@carillon/protocol/frames";
import type { StreamName } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { UnreachableError } from "../api.ts";
import { type FollowOptions, follow } from "./follow.ts";
import { again, type Connecting, type Ended, never, type Transport } from "./transport.ts";

const cursorAt = (seqs: Readonly<Record<string, number>>) =>
  encodeCursor(
    Object.entries(seqs).map(([stream, seq]) => ({ tag: tagOf(stream as StreamName), epoch: 1, seq })),
  );

const hello = (seqs: Readonly<Record<string, number>>): ServerFrame => ({
  type: "hello",
  user: "42",
  session: "s",
  epoch: 1,
  heartbeatMs: 25_000,
  cursor: cursorAt(seqs),
  unread: { total: 0, streams: {}, unseen: { total: 0, streams: {} }, cursor: cursorAt(seqs), rev: 0 },
  state: { version: 0, state: {} },
});

const notification = (stream: StreamName, seq: number, prev = seq - 1): ServerFrame => ({
  type: "notification",
  stream,
  seq,
  prev,
  event: { specversion: "1.0", id: `${seq}`, source: "/t", type: "t" },
});

type Connection = (connecting: Connecting) => Ended | "stays";

/** Plays one connection after the other; what is seen is what `follow` would print. */
async function play(connections: readonly Connection[], more: Partial<FollowOptions> = {}) {
  const seen: string[] = [];
  const cursors: (string | null)[] = [];
  const tokens: string[] = [];
  const stop = new AbortController();
  const left = [...connections];
  const transport: Transport = (connecting) => {
    cursors.push(connecting.cursor);
    tokens.push(connecting.token);
    const next = left.shift();
    if (next === undefined) stop.abort();
    const ended = next?.(connecting) ?? again("over");
    if (connecting.signal.aborted) return Promise.resolve(connecting.signal.reason as Ended);
    if (ended !== "stays") return Promise.resolve(ended);
    return new Promise((resolve) => {
      connecting.signal.addEventListener("abort", () => resolve(connecting.signal.reason as Ended));
    });
  };
  let issued = 0;
  const reason = await follow({
    url: () => "http://127.0.0.1:1",
    transport,
    token: async () => `t${++issued}`,
    tokenRenews: true,
    renewAfterMs: 60_000,
    cursor: null,
    device: null,
    signal: stop.signal,
    frame: (frame) => {
      if (frame.type === "notification") seen.push(`${frame.stream}:${frame.seq}`);
      if (frame.type === "gap") seen.push(`gap ${frame.from}-${frame.to}`);
    },
    state: () => {},
    ...more,
  });
  return { reason, seen, cursors, tokens };
}

const says =
  (frames: readonly ServerFrame[], ended: Ended | "stays" = again("lost")): Connection =>
  ({ frame }) => {
    for (const each of frames) frame(each);
    return ended;
  };

test("it comes back with the cursor behind the last that was shown, in every stream", async () => {
  const { seen, cursors, reason } = await play([
    says([hello({ "user:42": 4, "topic:b": 9 }), notification("user:42", 5), notification("topic:b", 10)]),
    says([hello({ "user:42": 5, "topic:b": 10 }), notification("user:42", 7, 5)]),
  ]);
  expect(reason).toBeNull();
  expect(seen).toEqual(["user:42:5", "topic:b:10", "user:42:7"]);
  expect(cursors).toEqual([
    null,
    cursorAt({ "user:42": 5, "topic:b": 10 }),
    cursorAt({ "user:42": 7, "topic:b": 10 }),
  ]);
});

test("what comes twice is shown once", async () => {
  const { seen } = await play([
    says([
      hello({ "user:42": 0 }),
      notification("user:42", 1),
      notification("user:42", 1),
      notification("user:42", 2),
    ]),
  ]);
  expect(seen).toEqual(["user:42:1", "user:42:2"]);
});

test("a prev that is not our place means a loss: nothing of it is shown, it reconnects", async () => {
  const { seen, cursors } = await play([
    says(
      [
        hello({ "user:42": 0 }),
        notification("user:42", 1),
        notification("user:42", 3),
        notification("user:42", 4),
      ],
      "stays",
    ),
    says([hello({ "user:42": 1 }), notification("user:42", 2), notification("user:42", 3)]),
  ]);
  expect(seen).toEqual(["user:42:1", "user:42:2", "user:42:3"]);
  expect(cursors[1]).toBe(cursorAt({ "user:42": 1 }));
});

test("a gap moves the place, forwards or back", async () => {
  const gap = (reason: "trimmed" | "rewound", from: number, to: number): ServerFrame => ({
    type: "gap",
    stream: "user:42",
    reason,
    from,
    to,
  });
  const { seen } = await play([
    says([
      hello({ "user:42": 3 }),
      gap("trimmed", 4, 9),
      notification("user:42", 10),
      gap("rewound", 0, 2),
      notification("user:42", 3),
    ]),
  ]);
  expect(seen).toEqual(["gap 4-9", "user:42:10", "gap 0-2", "user:42:3"]);
});

test("a token that is refused is replaced, but not for ever", async () => {
  const refused: Connection = () => ({ verdict: "token", why: "the token has expired", retryMs: 0 });
  const recovered = await play([refused, says([hello({})])]);
  expect(recovered.reason).toBeNull();
  expect(recovered.tokens.slice(0, 2)).toEqual(["t1", "t2"]);
  const given = await play([refused, refused, refused, refused]);
  expect(given.reason).toBe("the token has expired");
  expect(given.tokens).toHaveLength(3);
  expect((await play([refused], { tokenRenews: false })).reason).toBe("the token has expired");
});

test("a verdict of never ends it; so does a token that can't be had", async () => {
  expect((await play([() => never("the cursor is damaged")])).reason).toBe("the cursor is damaged");
  const refused = play([], { token: () => Promise.reject(new Error("no API key")) });
  await expect(refused).rejects.toThrow("no API key");
});

test("a server that can't be reached for a token is tried again", async () => {
  let tries = 0;
  const token = async () => {
    tries++;
    if (tries === 1) throw new UnreachableError("nothing listens there");
    return "t";
  };
  expect((await play([says([hello({})])], { token })).reason).toBeNull();
  expect(tries).toBe(3);
});

test("asked to go, it goes, and comes back", async () => {
  const goaway: ServerFrame = {
    type: "goaway",
    reason: "draining",
    retryMs: 0,
    jitterMs: 5,
    withinMs: 1_000,
  };
  const { cursors } = await play([says([hello({ "user:42": 2 }), goaway], "stays")]);
  expect(cursors).toEqual([null, cursorAt({ "user:42": 2 })]);
});
