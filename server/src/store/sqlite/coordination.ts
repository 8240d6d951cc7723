import type { CoordinationDriver } from "../coordination.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makeCoordination = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): CoordinationDriver => ({
  agree: async (name, value) => (await writer.call("agree", name, value)).value,
  amend: async (name, value) => void (await writer.call("amend", name, value)),
  claim: async (owner, names, ttlMs) => (await writer.call("claim", owner, names, ttlMs)).value,
  release: async (owner, names) => void (await writer.call("release", owner, names)),
  leases: async (prefix) => (await reader.call("leases", prefix)).value,
  beginEpoch: async () => (await writer.call("beginEpoch")).value,
  setProgress: async (part, next) => void (await writer.call("setProgress", part, next)),
});
