import type { ServerFrame } from "@carillon/protocol/frames";
import { endedFor } from "./closing.ts";
import { makeEventParser } from "./event-stream.ts";
import { endedBy } from "./refusal.ts";
import { address, again, type Connecting, type Ended, silenceMs } from "./transport.ts";

export async function overSse(connecting: Connecting): Promise<Ended> {
  const stop = new AbortController();
  const cancel = () => stop.abort();
  let quietMs = silenceMs;
  let silence = setTimeout(cancel, quietMs);
  let goodbye: Ended | null = null;
  connecting.signal.addEventListener("abort", cancel);
  const parse = makeEventParser(({ data }) => {
    const frame = JSON.parse(data) as ServerFrame;
    if (frame.type === "hello") {
      quietMs = frame.heartbeatMs * 2;
      clearTimeout(silence);
      silence = setTimeout(cancel, quietMs);
    }
    if (frame.type === "error") goodbye = endedFor(frame.code, frame.detail);
    connecting.frame(frame);
  });
  try {
    const response = await fetch(address(connecting, "/v1/events"), {
      headers: { accept: "text/event-stream", authorization: `Bearer ${connecting.token}` },
      signal: stop.signal,
      redirect: "error",
    });
    if (!response.ok || response.body === null) return endedBy(response.status, await response.text());
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      silence.refresh();
      parse(text);
    }
    return goodbye ?? again("the connection was lost");
  } catch (error) {
    if (connecting.signal.aborted) return connecting.signal.reason as Ended;
    if (stop.signal.aborted) return again(`nothing was heard for ${quietMs / 1_000} s`);
    return goodbye ?? again((error as Error & { cause?: Error }).cause?.message ?? "the connection was lost");
  } finally {
    clearTimeout(silence);
    connecting.signal.removeEventListener("abort", cancel);
  }
}
