/** Section 6.1: long polling, one answer at a time, and as a session that polls again at once. */
import { type Poll, PollAnswer } from "@carillon/protocol/answers";
import type { Problem } from "@carillon/protocol/problems";
import Value from "typebox/value";
import { within } from "./deadline.ts";
import { makeFrames } from "./frames.ts";
import { type Answer, type Ask, request } from "./request.ts";
import { type End, queryOf, type Session, type Wanted } from "./session.ts";

/** One poll. `waitSeconds` 0 answers at once. */
export function pollOnce(
  url: string,
  wanted: Wanted,
  waitSeconds: number,
  ask: Ask = {},
): Promise<Answer & { readonly body: Poll }> {
  const query = queryOf(wanted, { wait: String(waitSeconds) });
  const options = { credential: wanted.token, timeoutMs: (waitSeconds + 15) * 1_000, ...ask };
  return request("GET", `${url}/v1/poll${query}`, options) as Promise<Answer & { body: Poll }>;
}

export function openPoll(url: string, wanted: Wanted): Session {
  const frames = makeFrames(wanted.places);
  const leaving = new AbortController();

  async function run(): Promise<End> {
    let { cursor } = wanted;
    for (;;) {
      const now = { ...wanted, ...(cursor === undefined ? {} : { cursor }) };
      const { status, body } = await pollOnce(url, now, 20, { signal: leaving.signal });
      if (status !== 200) {
        const { code, detail } = body as unknown as Problem;
        return { code, detail };
      }
      if (!Value.Check(PollAnswer, body)) throw new Error(`not a poll's answer: ${JSON.stringify(body)}`);
      frames.places.begin();
      for (const frame of body.frames) frames.push(frame);
      frames.keep(body.cursor);
      cursor = body.cursor;
    }
  }

  const ended = run().catch((error): End => ({ code: "end", detail: String(error) }));
  void ended.then(({ code, detail }) => frames.end(`${code} ${detail}`));
  return {
    ...frames,
    transport: "poll",
    ended: (ms) => within(ended, () => "polls go on", ms),
    [Symbol.dispose]: () => leaving.abort(),
  };
}
