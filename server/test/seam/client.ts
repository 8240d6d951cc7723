import { decodeCursor, encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame, UnreadCount, UserState } from "@carillon/protocol/frames";
import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { Encoding, Outlet } from "../../src/live/outlet.ts";
import type { Session } from "../../src/live/session.ts";
import type { Sessions } from "../../src/live/sessions.ts";
import { Kind } from "../../src/store/streams.ts";
import { clientOf } from "../clients.ts";
import type { TrueStore } from "./parts.ts";
import type { Dice, Schedule } from "./schedule.ts";

const lines: Encoding = {
  name: "websocket",
  frame: (_type, json) => Buffer.from(`${json}\n`),
  cursor: (token) => Buffer.from(`{"type":"cursor","cursor":"${token}"}\n`),
};

type Asked =
  | { readonly ask: "read"; readonly stream: StreamName; readonly upTo: number }
  /** `before`: how often the user had done the opposite when they asked. */
  | { readonly ask: "subscribe" | "unsubscribe"; readonly topic: string; readonly before: number };

interface Connection {
  readonly session: Session;
  /** Written and not yet taken by the client. */
  bytes: Buffer;
  draining: boolean;
  /** Where each stream's head was when the connection was opened. */
  readonly headsAtOpen: ReadonlyMap<StreamName, number>;
  /** Streams whose place was told in this connection. */
  readonly told: Set<StreamName>;
  readonly owed: Map<StreamName, number>;
  caughtUp: boolean;
  /** What has no reply yet, by its ref. */
  readonly asked: Map<number, Asked>;
  readonly marks: Map<StreamName, { readonly read?: Mark; readonly archive?: Mark }>;
  /** What the server told of unread, and what was added since. */
  unread: UnreadCount | null;
  readonly added: Map<StreamName, number>;
  /** The version of the state that it was told last. */
  version: number;
}

/** A client over a slow, breakable line, which checks everything that it gets against the true store. */
export interface Client {
  readonly user: string;
  readonly places: ReadonlyMap<StreamName, number>;
  connected(): boolean;
  connect(): void;
  /** The line breaks: what was written and not taken is lost. */
  cut(): void;
  received(): number;
  /** Says that the user has read what this client has of a stream, or more. */
  read(stream: StreamName, more: number): void;
  /** Follows a topic, or leaves it, by a frame. */
  ask(type: "subscribe" | "unsubscribe", topic: string): void;
  /** As the client shows it. */
  unread(): Map<StreamName, readonly [count: number, unseen: number]>;
  /** The version of the state that it was told last on this connection. */
  version(): number;
  /** What it was told of marks on this connection, where it was told anything. */
  marks(): ReadonlyMap<StreamName, { readonly read?: Mark; readonly archive?: Mark }>;
  /** Says any other mark, without waiting for a reply. */
  mark(kind: MarkKind, change: MarkChange): void;
}

export interface ClientWorld {
  readonly dice: Dice;
  readonly schedule: Schedule;
  readonly store: TrueStore;
  /** The bus is never late, so that a session that is caught up has all that was stored when it began. */
  readonly prompt: boolean;
  /** The node to connect to. */
  readonly sessions: () => Sessions;
}

export function makeClient(user: string, world: ClientWorld, ownCursor: boolean): Client {
  const { dice, schedule, store } = world;
  const places = new Map<StreamName, number>();
  let token: string | null = null;
  let connection: Connection | null = null;
  let count = 0;
  let refs = 0;

  const fail = (text: string): never => {
    throw new Error(`${user}: ${text}`);
  };

  const mayHide = (stream: StreamName, seq: number): boolean => {
    const row = store.of(stream).rows[seq - 1];
    if (row === undefined) return fail(`${stream} ${seq} isn't committed`);
    return row.kind === Kind.tombstone || (row.expiresAt !== null && row.expiresAt <= schedule.clock.now());
  };

  function passOver(stream: StreamName, from: number, to: number): void {
    for (let seq = from; seq <= to; seq++) {
      if (!mayHide(stream, seq)) fail(`${stream} ${seq} was passed over in silence`);
    }
  }

  function hello(of: Connection, cursor: string): void {
    const told = decodeCursor(cursor).entries ?? fail("hello has no valid cursor");
    for (const stream of store.streams.keys()) {
      const place = told.get(tagOf(stream));
      if (place === undefined) continue;
      const mine = places.get(stream);
      of.told.add(stream);
      if (mine === undefined || store.begun.has(`${user} ${stream} ${place.seq}`))
        places.set(stream, place.seq);
      else if (place.seq !== mine) of.owed.set(stream, place.seq);
    }
  }

  function gap(of: Connection, frame: Extract<ServerFrame, { type: "gap" }>): void {
    const { stream, reason, from, to } = frame;
    const mine = places.get(stream) ?? fail(`gap in ${stream}, which has no place`);
    if (reason === "rewound" || reason === "epoch") fail(`${reason} without cause`);
    const begins = store.begun.has(`${user} ${stream} ${from - 1}`);
    if (from > mine + 1 && !begins) passOver(stream, mine + 1, from - 1);
    if (reason === "trimmed" && to > store.of(stream).trimmed) fail(`${stream} ${to} isn't trimmed`);
    places.set(stream, Math.max(mine, to));
    if ((of.owed.get(stream) ?? 0) <= to) of.owed.delete(stream);
  }

  function notification(of: Connection, frame: Extract<ServerFrame, { type: "notification" }>): void {
    const { stream, seq, prev } = frame;
    if (seq === undefined || prev === undefined) return fail("a notification without a place");
    const mine = places.get(stream) ?? fail(`${stream} was never told`);
    if (of.owed.has(stream)) passOver(stream, mine + 1, of.owed.get(stream) as number);
    else if (prev !== mine) fail(`${stream}: prev ${prev}, but the place is ${mine}`);
    of.owed.delete(stream);
    if (seq <= mine) fail(`${stream} ${seq} came again`);
    passOver(stream, mine + 1, seq - 1);
    if (seq > store.of(stream).rows.length) fail(`${stream} ${seq} was pushed before it was stored`);
    if (String(frame.event.id) !== String(seq)) fail(`${stream} ${seq} carries ${frame.event.id}`);
    places.set(stream, seq);
    count++;
    const counted =
      of.unread === null ? undefined : decodeCursor(of.unread.cursor).entries?.get(tagOf(stream));
    if (counted !== undefined && seq > counted.seq && frame.event["silent"] !== true)
      of.added.set(stream, (of.added.get(stream) ?? 0) + 1);
  }

  function unreadIs(of: Connection, unread: UnreadCount): void {
    const { total, streams, rev } = unread;
    if (total !== Object.values(streams).reduce((sum, one) => sum + one, 0)) fail("the total is no sum");
    if (rev < (of.unread?.rev ?? 0)) fail(`unread of rev ${rev} after ${of.unread?.rev}`);
    of.unread = unread;
    of.added.clear();
  }

  function stateIs(of: Connection, { version, state }: UserState): void {
    if (version <= of.version) fail(`state ${version} after ${of.version}`);
    if (state["n"] !== version) fail(`state ${version} carries ${state["n"]}`);
    of.version = version;
  }

  function replied(of: Connection, frame: Extract<ServerFrame, { type: "reply" }>): void {
    const asked = of.asked.get(frame.ref) ?? fail(`a reply to ${frame.ref}, which nobody asked`);
    of.asked.delete(frame.ref);
    if (!frame.ok) return;
    if (asked.ask === "read") {
      if (store.mark(user, asked.stream, "read").upTo < asked.upTo)
        fail(`${asked.stream} was confirmed as read up to ${asked.upTo}, and isn't`);
      return;
    }
    if (opposites(asked.ask, asked.topic) > asked.before) return;
    // Nobody has done the opposite since: it is so from the reply on.
    const follows = places.has(topicStream(asked.topic));
    if (follows !== (asked.ask === "subscribe"))
      fail(`${asked.topic} was confirmed, and wasn't ${asked.ask}d`);
  }

  const opposites = (ask: "subscribe" | "unsubscribe", topic: string): number =>
    (ask === "subscribe" ? store.left : store.followed).get(`${user} ${topic}`) ?? 0;

  function caughtUp(of: Connection, cursor: string): void {
    if (of.caughtUp) fail("caught up twice");
    of.caughtUp = true;
    const told = decodeCursor(cursor).entries ?? fail("caught-up has no valid cursor");
    for (const [stream, head] of of.headsAtOpen) {
      const place = told.get(tagOf(stream));
      if (world.prompt && place !== undefined && place.seq < head)
        fail(`caught up at ${stream} ${place.seq}, before ${head}`);
    }
  }

  function take(of: Connection, frame: ServerFrame): void {
    switch (frame.type) {
      case "hello":
        unreadIs(of, frame.unread);
        stateIs(of, frame.state);
        return hello(of, frame.cursor);
      case "state":
        return stateIs(of, frame);
      case "unread":
        return unreadIs(of, frame);
      case "read":
        if (frame.upTo > store.mark(user, frame.stream, "read").upTo)
          fail(`${frame.stream} was said to be read up to ${frame.upTo}`);
        return void of.marks.set(frame.stream, { ...of.marks.get(frame.stream), read: frame });
      case "archive":
        return void of.marks.set(frame.stream, { ...of.marks.get(frame.stream), archive: frame });
      case "reply":
        return replied(of, frame);
      case "gap":
        return gap(of, frame);
      case "notification":
        return notification(of, frame);
      case "caught-up":
        token = frame.cursor;
        return caughtUp(of, frame.cursor);
      case "cursor":
        token = frame.cursor;
        return;
      case "subscribe":
        places.set(frame.stream, frame.seq ?? 0);
        return;
      case "unsubscribe":
        places.delete(frame.stream);
        return;
      default:
        return;
    }
  }

  function drain(of: Connection): void {
    of.draining = false;
    if (connection !== of) return;
    const some = of.bytes.subarray(0, dice.chance(0.5) ? of.bytes.length : dice.int(of.bytes.length) + 1);
    const end = some.lastIndexOf(10) + 1;
    const rest = of.bytes.subarray(end);
    for (const line of some.subarray(0, end).toString().split("\n")) {
      if (line !== "") take(of, JSON.parse(line) as ServerFrame);
    }
    of.bytes = rest;
    if (rest.length > 0) return drainLater(of);
    of.session.drained();
  }

  function drainLater(of: Connection): void {
    if (of.draining) return;
    of.draining = true;
    schedule.later(() => drain(of));
  }

  function cursor(): string | null {
    if (!ownCursor) return token;
    if (places.size === 0) return null;
    return encodeCursor(
      [...places].map(([stream, seq]) => ({ tag: tagOf(stream), epoch: store.epoch, seq })),
    );
  }

  function forgetUnconfirmed(): void {
    const entries = token === null ? new Map() : (decodeCursor(token).entries ?? new Map());
    for (const stream of [...places.keys()]) {
      const place = entries.get(tagOf(stream));
      if (place === undefined) places.delete(stream);
      else places.set(stream, place.seq);
    }
  }

  return {
    user,
    places,
    connected: () => connection !== null,
    received: () => count,
    read(stream, more) {
      const of = connection;
      if (of === null) return;
      const upTo = Math.min((places.get(stream) ?? 0) + more, store.of(stream).rows.length);
      of.asked.set(++refs, { ask: "read", stream, upTo });
      of.session.receive(JSON.stringify({ type: "read", ref: refs, stream, upTo: upTo + more }));
    },
    ask(type, topic) {
      const of = connection;
      if (of === null) return;
      of.asked.set(++refs, { ask: type, topic, before: opposites(type, topic) });
      of.session.receive(JSON.stringify({ type, ref: refs, topic }));
    },
    unread() {
      const { unread, added } = connection ?? fail("isn't connected");
      const told = unread ?? fail("was told nothing of unread");
      const follows = [...(store.follows.get(user)?.keys() ?? [])].map(topicStream);
      return new Map(
        [userStream(user), ...follows].map((stream) => {
          const more = added.get(stream) ?? 0;
          return [
            stream,
            [(told.streams[stream] ?? 0) + more, (told.unseen.streams[stream] ?? 0) + more] as const,
          ];
        }),
      );
    },
    version: () => connection?.version ?? fail("isn't connected"),
    marks: () => connection?.marks ?? fail("isn't connected"),
    mark(kind, change) {
      connection?.session.receive(JSON.stringify({ type: kind, ...change }));
    },
    cut() {
      const of = connection;
      if (of === null) return;
      connection = null;
      if (!ownCursor) forgetUnconfirmed();
      of.session.ended();
    },
    connect() {
      let of: Connection | null = null;
      const outlet: Outlet = {
        encoding: lines,
        queued: () => of?.bytes.length ?? 0,
        write(bytes) {
          if (of === null) return;
          of.bytes = Buffer.concat([of.bytes, bytes]);
          drainLater(of);
        },
        close() {
          if (connection === of) connection = null;
          if (!ownCursor) forgetUnconfirmed();
          schedule.later(() => of?.session.ended());
        },
      };
      const session = world.sessions().open({
        client: clientOf(user, Number.MAX_SAFE_INTEGER),
        cursor: cursor(),
        device: null,
        cursors: !ownCursor,
        greeting: true,
        outlet,
      });
      const headsAtOpen = new Map([...store.streams].map(([stream, { rows }]) => [stream, rows.length]));
      of = {
        session,
        bytes: Buffer.alloc(0),
        draining: false,
        headsAtOpen,
        told: new Set(),
        owed: new Map(),
        caughtUp: false,
        asked: new Map(),
        unread: null,
        added: new Map(),
        marks: new Map(),
        version: -1,
      };
      connection = of;
    },
  };
}
