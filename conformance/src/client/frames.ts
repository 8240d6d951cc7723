/** The frames of one session as they come: each held to its schema and its order, kept, and waited for. */
import { serverFrames } from "@carillon/protocol/frame-schemas";
import type { NotificationFrame, ServerFrame } from "@carillon/protocol/frames";
import Value from "typebox/value";
import { patienceMs, within } from "./deadline.ts";
import { makePlaces, type Places } from "./places.ts";

export type FrameType = ServerFrame["type"];
export type FrameOf<T extends FrameType> = Extract<ServerFrame, { readonly type: T }>;

export interface Frames {
  /** All so far, in their order. */
  readonly all: readonly ServerFrame[];
  readonly places: Places;
  /** The newest cursor that the server gave; null before the first. */
  cursor(): string | null;
  /** The next of this type that nobody has waited for. */
  next<T extends FrameType>(type: T, ms?: number): Promise<FrameOf<T>>;
  /** The next so many notifications that are shown. */
  notifications(count: number): Promise<NotificationFrame[]>;
}

export interface FramesIn extends Frames {
  push(frame: unknown): void;
  keep(cursor: string): void;
  /** No more will come. */
  end(why: string): void;
}

interface Waiting {
  readonly takes: (frame: ServerFrame) => boolean;
  readonly resolve: (frame: ServerFrame) => void;
  readonly reject: (error: Error) => void;
}

/** Of a session's places: those of `places` where they go on from earlier sessions. */
export function makeFrames(places = makePlaces()): FramesIn {
  const all: ServerFrame[] = [];
  /** Notifications that aren't shown are not waited for. */
  const untaken: ServerFrame[] = [];
  let waiting: Waiting[] = [];
  let over: Error | null = null;
  let cursor: string | null = null;
  places.begin();

  function fail(error: Error): void {
    over ??= error;
    for (const { reject } of waiting) reject(over);
    waiting = [];
  }

  const tail = (): string =>
    all
      .slice(-5)
      .map((frame) => JSON.stringify(frame).slice(0, 300))
      .join("\n");

  function wait(takes: (frame: ServerFrame) => boolean, what: string, ms = patienceMs): Promise<ServerFrame> {
    const at = untaken.findIndex(takes);
    if (at >= 0) return Promise.resolve(untaken.splice(at, 1)[0]!);
    if (over !== null)
      return Promise.reject(new Error(`no ${what} any more: ${over.message}`, { cause: over }));
    const { promise, resolve, reject } = Promise.withResolvers<ServerFrame>();
    const one = { takes, resolve, reject };
    waiting.push(one);
    return within(promise, () => `no ${what}; the last of ${all.length} frames:\n${tail()}`, ms).finally(
      () => {
        waiting = waiting.filter((other) => other !== one);
      },
    );
  }

  return {
    all,
    places,
    cursor: () => cursor,
    next: (type, ms) => wait((frame) => frame.type === type, type, ms) as Promise<never>,
    async notifications(count) {
      const taken: NotificationFrame[] = [];
      while (taken.length < count) {
        const what = `notification ${taken.length + 1} of ${count}`;
        taken.push((await wait(({ type }) => type === "notification", what)) as NotificationFrame);
      }
      return taken;
    },
    keep(token) {
      cursor = token;
    },
    push(value) {
      const fault = faultOfFrame(value);
      if (fault !== null) return fail(new Error(`${fault}: ${JSON.stringify(value)}`));
      const frame = value as ServerFrame;
      all.push(frame);
      if (over !== null) return;
      try {
        if (!places.take(frame)) return;
      } catch (error) {
        return fail(error as Error);
      }
      if (frame.type === "hello") cursor ??= frame.cursor;
      if (frame.type === "caught-up" || frame.type === "cursor") cursor = frame.cursor;
      const at = waiting.findIndex(({ takes }) => takes(frame));
      if (at < 0) untaken.push(frame);
      else waiting.splice(at, 1)[0]!.resolve(frame);
    },
    end: (why) => fail(new Error(why)),
  };
}

function faultOfFrame(value: unknown): string | null {
  const { type } = (value ?? {}) as { readonly type?: unknown };
  if (typeof type !== "string") return "not a frame";
  const name = type === "unsubscribe" ? "subscribe" : type;
  if (!Object.hasOwn(serverFrames, name)) return "not a frame that is known";
  if (!Value.Check(serverFrames[name as keyof typeof serverFrames], value)) return "not as its schema has it";
  if (type === "subscribe" && (value as { seq?: unknown }).seq === undefined)
    return "subscribe without a seq";
  if (type === "notification" && (value as NotificationFrame).event["time"] === undefined)
    return "an event without time";
  return null;
}
