/**
 * Acknowledgements over a request, from clients without a socket to say them on. What was sent to such a client
 * is not known here, so the bound is what there is: the stream's head.
 */
import { tagOf } from "@carillon/protocol/cursor";
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { DirectoryDriver } from "../store/directory.ts";
import type { StreamsDriver } from "../store/streams.ts";
import type { Acks } from "./acks.ts";

export interface RequestedAcks {
  /** Cumulative. Says why not, where it can't be; rejects as the store does. */
  record(
    user: string,
    stream: StreamName,
    seq: number,
    device: string | null,
  ): Promise<"not-followed" | "not-sent" | null>;
}

export function makeRequestedAcks(
  acks: Pick<Acks, "received" | "deviceIn">,
  directory: Pick<DirectoryDriver, "subscriptions">,
  streams: Pick<StreamsDriver, "heads">,
): RequestedAcks {
  return {
    async record(user, stream, seq, device) {
      if (stream !== userStream(user)) {
        const followed = await directory.subscriptions(user);
        if (!followed.some(({ topic }) => stream === `topic:${topic}`)) return "not-followed";
      }
      const { epoch, heads } = await streams.heads([stream]);
      if (seq > heads[0]!.head) return "not-sent";
      acks.received(user, stream, seq);
      if (device !== null) {
        await acks.deviceIn(user, device, { tag: tagOf(stream), epoch: epoch % 256, seq });
      }
      return null;
    },
  };
}
