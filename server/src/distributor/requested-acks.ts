/**
 * Acknowledgements over a request, from clients without a socket to say them on. What was sent to such a client
 * is not known here, so the bound is what there is: the stream's head.
 */
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { DirectoryDriver } from "../store/directory.ts";
import type { StreamsDriver } from "../store/streams.ts";
import type { Acks } from "./acks.ts";

export interface RequestedAcks {
  /** Cumulative. Says why not, where it can't be; rejects as the store does. */
  record(user: string, stream: StreamName, seq: number): Promise<"not-followed" | "not-sent" | null>;
}

export function makeRequestedAcks(
  acks: Pick<Acks, "received">,
  directory: Pick<DirectoryDriver, "subscriptions">,
  streams: Pick<StreamsDriver, "heads">,
): RequestedAcks {
  return {
    async record(user, stream, seq) {
      if (stream !== userStream(user)) {
        const followed = await directory.subscriptions(user);
        if (!followed.some(({ topic }) => stream === `topic:${topic}`)) return "not-followed";
      }
      const { heads } = await streams.heads([stream]);
      if (seq > heads[0]!.head) return "not-sent";
      acks.received(user, stream, seq);
      return null;
    },
  };
}
