import type { Poll } from "@carillon/protocol/answers";
import type { ServerFrame } from "@carillon/protocol/frames";
import { endedBy } from "./refusal.ts";
import { address, again, type Connecting, type Ended } from "./transport.ts";

const waitSeconds = 25;
const patienceMs = 20_000;

/** One connection is as many polls as come without a fault between them. */
export async function overPoll(connecting: Connecting): Promise<Ended> {
  let { cursor } = connecting;
  for (;;) {
    try {
      // The first answer is there at once, so that a client knows that it is connected.
      const wait = cursor === connecting.cursor ? 0 : waitSeconds;
      const response = await fetch(address({ ...connecting, cursor }, "/v1/poll", { wait: String(wait) }), {
        headers: { accept: "application/json", authorization: `Bearer ${connecting.token}` },
        signal: AbortSignal.any([connecting.signal, AbortSignal.timeout(wait * 1_000 + patienceMs)]),
        redirect: "error",
      });
      if (!response.ok) return endedBy(response.status, await response.text());
      const answer = (await response.json()) as Poll;
      connecting.cursorWillBe(answer.cursor);
      for (const frame of answer.frames) connecting.frame(frame as unknown as ServerFrame);
      if (connecting.signal.aborted) return connecting.signal.reason as Ended;
      cursor = answer.cursor;
      connecting.cursorIs(cursor);
    } catch (error) {
      if (connecting.signal.aborted) return connecting.signal.reason as Ended;
      const { name, cause } = error as Error & { cause?: Error };
      return again(
        name === "TimeoutError" ? "no answer in time" : (cause?.message ?? "the connection was lost"),
      );
    }
  }
}
