/**
 * What a client asks about topics on its session: one after the other, in the order in which it was said. What waits is
 * bounded; beyond that it is refused.
 */
import type { SendRequest, SubscribeRequest, UnsubscribeRequest } from "@carillon/protocol/frames";
import { type Problem, problem } from "@carillon/protocol/problems";
import { Failure } from "../errors.ts";
import { isProblem, toProblem } from "../http/problem-reply.ts";
import type { Following } from "../receiver/following.ts";
import { nothingBeside, type Publishing } from "../receiver/publishing.ts";
import type { Answer } from "../receiver/receiver.ts";

export type TopicFrame = SubscribeRequest | UnsubscribeRequest | SendRequest;

/** What became of a `send`: members of its reply. */
export type Sent = Partial<Pick<Answer, "id" | "source" | "receipts">>;

export interface TopicFramesDeps {
  readonly user: string;
  readonly following: Pick<Following, "follow" | "leave">;
  readonly publishing: Publishing;
  /** Resolves when the session follows what the user follows now. */
  readonly renew: () => Promise<void>;
  readonly reply: (ref: number | undefined, problem: Problem | null, sent?: Sent) => void;
  readonly broken: (reason: unknown) => void;
}

export interface TopicFrames {
  /** `chars`: of the frame's text. */
  take(frame: TopicFrame, chars: number): void;
}

const waitingMost = 64;
const charsMost = 262_144;

export function makeTopicFrames(deps: TopicFramesDeps): TopicFrames {
  const { user, following, publishing, renew, reply, broken } = deps;
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  let waitingChars = 0;

  async function answer({ type, ref, topic, ...rest }: TopicFrame): Promise<void> {
    if (type !== "send") {
      const refused = await (type === "subscribe"
        ? following.follow(user, topic)
        : following.leave(user, topic));
      // Whatever was said before the reply is so by then: of a topic that was left nothing follows.
      if (refused === null) await renew();
      return reply(ref, refused);
    }
    const { notification } = rest as Pick<SendRequest, "notification">;
    const done = await publishing.publish(user, topic, notification, nothingBeside);
    if (isProblem(done)) return reply(ref, done);
    const { id, source, receipts, problem: wrong } = done;
    reply(ref, wrong, wrong === null || receipts.length > 0 ? { id, source, receipts } : {});
  }

  async function settle(frame: TopicFrame): Promise<void> {
    try {
      await answer(frame);
    } catch (reason) {
      if (!(reason instanceof Failure)) broken(reason);
      reply(frame.ref, toProblem(reason));
    }
  }

  return {
    take(frame, chars) {
      if (waiting === waitingMost || waitingChars + chars > charsMost) return reply(frame.ref, tooMuch);
      waiting++;
      waitingChars += chars;
      last = last.then(async () => {
        await settle(frame);
        waiting--;
        waitingChars -= chars;
      });
    },
  };
}

const tooMuch = problem("overloaded", "too many of this session's requests wait to be done", {
  retryMs: 1_000,
});
