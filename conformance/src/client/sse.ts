/** Section 6.1: a session over Server-Sent Events. */
import { within } from "./deadline.ts";
import { readEventStream } from "./event-stream.ts";
import { makeFrames } from "./frames.ts";
import { type End, queryOf, type Session, type Wanted } from "./session.ts";

export interface SseWanted extends Wanted {
  /** What an EventSource says when it comes back by itself; wins over `cursor`. */
  readonly lastEventId?: string;
}

export interface SseSession extends Session {
  /** From the `retry` field; null before it came. */
  retryMs(): number | null;
}

/** Refused requests are for `request`: here anything but an event stream ends the session. */
export function openSse(url: string, wanted: SseWanted): SseSession {
  const { token, lastEventId, places } = wanted;
  const frames = makeFrames(places);
  const leaving = new AbortController();
  const { promise: ended, resolve: end } = Promise.withResolvers<End>();
  let retry: number | null = null;

  const read = readEventStream({
    id: (id) => frames.keep(id),
    retry: (ms) => {
      retry = ms;
    },
    comment: () => {},
    event({ type, data }) {
      const frame = JSON.parse(data) as {
        readonly type: string;
        readonly code: string;
        readonly detail: string;
      };
      if (frame.type !== type) throw new Error(`event ${type} with a frame of type ${frame.type}`);
      frames.push(frame);
      if (type === "error") end(frame);
    },
  });

  async function run(): Promise<string> {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "text/event-stream",
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    };
    const response = await fetch(`${url}/v1/events${queryOf(wanted)}`, { headers, signal: leaving.signal });
    const mediaType = response.headers.get("content-type");
    if (response.status !== 200 || mediaType?.split(";", 1)[0] !== "text/event-stream") {
      return `${response.status} ${await response.text()}`;
    }
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) read(text);
    return "the stream ended";
  }

  void run()
    .catch(String)
    .then((why) => {
      frames.end(why);
      end({ code: "end", detail: why });
    });

  return {
    ...frames,
    transport: "sse",
    ended: (ms) => within(ended, () => "the stream goes on", ms),
    retryMs: () => retry,
    [Symbol.dispose]: () => leaving.abort(),
  };
}
