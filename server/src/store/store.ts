/**
 * The store: its ports over one backend, and what is the same for all of them.
 */
import { limits } from "@carillon/protocol/limits";
import type { Failure } from "../errors.ts";
import type { AccessDriver } from "./access.ts";
import type { CoordinationDriver } from "./coordination.ts";
import type { DirectoryDriver } from "./directory.ts";
import type { GrantsDriver } from "./grants.ts";
import type { PeopleDriver } from "./people.ts";
import type { PositionsDriver } from "./positions.ts";
import type { Queries } from "./queries.ts";
import type { RetentionDriver } from "./retention.ts";
import type { StreamsDriver } from "./streams.ts";

export interface StoreBackend {
  readonly streams: StreamsDriver;
  readonly directory: DirectoryDriver;
  readonly grants: GrantsDriver;
  readonly positions: PositionsDriver;
  readonly access: AccessDriver;
  readonly coordination: CoordinationDriver;
  readonly queries: Queries;
  readonly people: PeopleDriver;
  readonly retention: RetentionDriver;
  /** Into how many parts its streams are divided, for its whole life: those of a log that keeps offsets. */
  readonly parts: number;
  /** Resolves when all of it, every server behind it, has answered and can be written to; rejects in a bounded time. */
  ask(): Promise<void>;
  /** Resolves, if ever, when the backend can't be brought back: the process had better end, non-zero. */
  readonly failed: Promise<Failure>;
  /** Finishes what is queued and closes; may be called twice. Calls made later reject with `stopped`. */
  stop(): Promise<void>;
}

const within = (what: string, value: number, least: number, most: number): void => {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${what} is ${value}, and may be ${least} to ${most}`);
};

const named = (...names: readonly string[]): void => {
  for (const name of names) {
    if (!/^[ -~]{1,128}$/.test(name))
      throw new RangeError(`not a name: ${JSON.stringify(name.slice(0, 128))}`);
  }
};

/** Holds callers to the bounds in the ports' contracts, so that no backend has to: breaking one is a bug. */
export function withBounds(backend: StoreBackend): StoreBackend {
  const { streams, directory, grants, positions, access, coordination, people, queries, retention } = backend;
  return {
    ...backend,
    streams: {
      ...streams,
      async apply(batch) {
        within("the number of records", batch.records.length, 0, 2_000);
        return streams.apply(batch);
      },
      async read(stream, after, limit) {
        within("limit", limit, 1, 256);
        return streams.read(stream, after, limit);
      },
      async heads(names) {
        within("the number of streams", names.length, 0, 1_000);
        return streams.heads(names);
      },
      async upkeep(limit) {
        within("limit", limit, 1, 100_000);
        return streams.upkeep(limit);
      },
    },
    directory: {
      ...directory,
      async listTopics(after, limit, owner) {
        within("limit", limit, 1, 1_000);
        return directory.listTopics(after, limit, owner);
      },
      async subscribe(topic, users, most, only) {
        within("the number of users", users.length, 0, 1_000);
        return directory.subscribe(topic, users, most, only);
      },
      async subscribers(topic, after, limit) {
        within("limit", limit, 1, 1_000);
        return directory.subscribers(topic, after, limit);
      },
    },
    grants: {
      ...grants,
      async listGrants(topic, after, limit) {
        within("limit", limit, 1, 1_000);
        return grants.listGrants(topic, after, limit);
      },
      async following(topic, users) {
        within("the number of users", users.length, 0, 1_000);
        return grants.following(topic, users);
      },
    },
    positions: {
      ...positions,
      async saveDevices(devices) {
        within("the number of devices", devices.length, 0, 1_000);
        return positions.saveDevices(devices);
      },
      async acknowledge(acknowledgements) {
        within("the number of acknowledgements", acknowledgements.length, 0, 1_000);
        return positions.acknowledge(acknowledgements);
      },
      async receipts(stream, seq, limit) {
        within("limit", limit, 0, 1_000);
        return positions.receipts(stream, seq, limit);
      },
      async mark(user, kind, change) {
        if ("seqs" in change) {
          within("the number of seqs", change.seqs.length, 1, limits.marks);
          if (kind === "seen") throw new RangeError("seen is one place a stream");
        }
        return positions.mark(user, kind, change);
      },
    },
    access: {
      ...access,
      async revoke(revocation, bounds) {
        const { user, tokenId, issuedBefore } = revocation;
        if ((tokenId === null) === (issuedBefore === null) || (tokenId !== null && user === null))
          throw new RangeError("a revocation is by token, of a user, or by time");
        if (tokenId !== null) within("the characters of a token's id", tokenId.length, 1, 256);
        return access.revoke(revocation, bounds);
      },
      async revocations(after, limit) {
        within("limit", limit, 1, 1_000);
        return access.revocations(after, limit);
      },
      async useTicket(id, until) {
        within("the characters of a ticket's id", id.length, 1, 64);
        return access.useTicket(id, until);
      },
    },
    retention: {
      ...retention,
      async retain(keepMs, limit) {
        within("keepMs", keepMs, 60_000, Number.MAX_SAFE_INTEGER);
        within("limit", limit, 1, 10_000);
        return retention.retain(keepMs, limit);
      },
      async giveBack(mostBytes, which) {
        within("mostBytes", mostBytes, 1 << 16, 1 << 30);
        return retention.giveBack(mostBytes, which);
      },
    },
    coordination: {
      ...coordination,
      async agree(name, value) {
        named(name);
        within("the bytes of a fact", Buffer.byteLength(value), 0, 1_024);
        return coordination.agree(name, value);
      },
      async amend(name, value) {
        named(name);
        within("the bytes of a fact", Buffer.byteLength(value), 0, 1_024);
        return coordination.amend(name, value);
      },
      async claim(owner, names, ttlMs) {
        within("the number of leases", names.length, 0, 1_000);
        within("ttlMs", ttlMs, 1_000, 600_000);
        named(owner, ...names);
        return coordination.claim(owner, names, ttlMs);
      },
      async release(owner, names) {
        within("the number of leases", names.length, 0, 1_000);
        return coordination.release(owner, names);
      },
    },
    queries: {
      ...queries,
      async inbox(wanted) {
        within("limit", wanted.limit, 1, limits.inboxItems);
        within("the number of topics", wanted.filter.topics.length, 0, limits.inboxTopics);
        return queries.inbox(wanted);
      },
    },
    people: {
      ...people,
      async putState(user, state, version) {
        within("the bytes of a state", Buffer.byteLength(state), 2, limits.stateSizeBytes);
        return people.putState(user, state, version);
      },
      async continueErasing(limit) {
        within("limit", limit, 1, 10_000);
        return people.continueErasing(limit);
      },
    },
  };
}
