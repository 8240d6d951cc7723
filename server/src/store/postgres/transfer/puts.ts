import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { placeOf } from "../../access.ts";
import { markCodes } from "../../marks.ts";
import type { Copies, CopyKind } from "../../transfer.ts";
import { bigints, bytes, integers, seqsText, smallints, texts } from "../arrays.ts";
import type { Shard } from "../shard.ts";
import { allOf, type Shards } from "../shards.ts";
import { makeDays } from "./days.ts";
import { makeIds } from "./ids.ts";
import { bulk } from "./pages.ts";

const insertStreams = `
  INSERT INTO streams(name, part, head, trimmed, receipt_seq, rev, closed)
  SELECT name, part, head, trimmed, receipt_seq, rev, closed = 1
  FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[])
    AS t(name, part, head, trimmed, receipt_seq, rev, closed)
  ORDER BY name ON CONFLICT DO NOTHING`;
const insertTrims = `
  INSERT INTO trims(stream_id, due_at, buried)
  SELECT id, due_at, buried FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS t(name, due_at, buried)
  JOIN streams USING (name) ON CONFLICT DO NOTHING`;
const insertKeys = `
  INSERT INTO api_keys(hash, name, scopes, sources, created_at, expires_at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
  ON CONFLICT DO NOTHING`;
const insertRevocations = `
  INSERT INTO revocations(user_name, token_id, issued_before, until)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) ON CONFLICT DO NOTHING`;
const insertTopics = `
  INSERT INTO topics(
    topic_id, part, name, owner, created_at, subscribe, publish, active, keep_ms, generation, state)
  SELECT id, part, name, owner, created_at, subscribe, publish, active = 1, keep_ms, 1, 'open'
  FROM unnest(
      $1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::int[], $9::bigint[])
    AS t(id, part, name, owner, created_at, subscribe, publish, active, keep_ms)
  ON CONFLICT DO NOTHING`;
const insertGrants = `
  INSERT INTO grants(topic_id, part, user_name, created_at)
  SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[]) ON CONFLICT DO NOTHING`;
const insertSubscriptions = `
  INSERT INTO subscriptions(topic_id, user_id, since, generation, part, topic, user_name)
  SELECT topic_id, user_id, since, 1, part, topic, user_name
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::text[])
    AS t(topic_id, user_id, since, part, topic, user_name)
  ON CONFLICT DO NOTHING`;
const insertMarks = `
  INSERT INTO marks(user_id, stream_id, kind, version, up_to, excepted)
  SELECT user_id, stream_id, kind, 1, up_to, excepted::bigint[]
  FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::text[])
    AS t(user_id, stream_id, kind, up_to, excepted)
  ON CONFLICT DO NOTHING`;
const insertDevices = `
  INSERT INTO devices(user_name, device, part, seen, cursor)
  SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[]) ON CONFLICT DO NOTHING`;
const insertStates = `
  INSERT INTO user_state(user_id, version, state)
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[]) ON CONFLICT DO NOTHING`;
/** Nobody knows any more of which part one that is done was: it is kept on all servers, as of part -1. */
const insertErasures = `
  INSERT INTO erasures(hash, part, user_name, topics_to, at, head, rev, until)
  SELECT * FROM unnest(
    $1::text[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  ON CONFLICT DO NOTHING`;
const insertReceipts = `
  INSERT INTO receipts(stream_id, seq, created_at, user_name)
  SELECT stream_id, seq, created_at, user_name
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY
    AS t(stream_id, seq, created_at, user_name, place)
  ORDER BY place ON CONFLICT DO NOTHING`;
const insertNotifications = `
  INSERT INTO notifications(
    stream_id, seq, created_at, named_at, expires_at, kind, receipt, key, digest, collapse_key, body)
  SELECT stream_id, seq, created_at, created_at, expires_at, kind, receipt = 1, key, digest, collapse_key, body
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::smallint[],
    $7::text[], $8::text[], $9::bytea[], $10::text[])
    AS t(stream_id, seq, created_at, expires_at, kind, receipt, key, digest, collapse_key, body)
  ON CONFLICT DO NOTHING`;

const flag = (value: boolean): number => (value ? 1 : 0);

export function makePuts(shards: Shards) {
  const { home, all, partOf, grouped } = shards;
  const idsOf = makeIds(shards);
  const days = new Map(all.map((shard) => [shard, makeDays(shard)]));

  const eachShard = async <T>(
    copies: readonly T[],
    streamOf: (copy: T) => StreamName,
    put: (shard: Shard, some: readonly T[]) => Promise<unknown>,
  ): Promise<void> => {
    await allOf(Array.from(grouped(copies, streamOf), ([shard, some]) => put(shard, some)));
  };

  const puts: { readonly [K in CopyKind]: (copies: readonly Copies[K][]) => Promise<void> } = {
    async keys(copies) {
      const values = [
        texts(copies.map(({ hash }) => hash)),
        texts(copies.map(({ name }) => name)),
        texts(copies.map(({ scopes }) => JSON.stringify(scopes))),
        texts(copies.map(({ sources }) => JSON.stringify(sources))),
        bigints(copies.map(({ createdAt }) => createdAt)),
        bigints(copies.map(({ expiresAt }) => expiresAt)),
      ];
      await home.query(insertKeys, values, bulk);
    },

    async revocations(copies) {
      const places = copies.map((copy) => placeOf(copy));
      const values = [
        texts(places.map(([user]) => user)),
        texts(places.map(([, tokenId]) => tokenId)),
        bigints(copies.map(({ issuedBefore }) => issuedBefore)),
        bigints(copies.map(({ until }) => until)),
      ];
      await home.query(insertRevocations, values, bulk);
    },

    streams: (copies) =>
      eachShard(
        copies,
        ({ name }) => name,
        async (shard, some) => {
          const values = [
            texts(some.map(({ name }) => name)),
            integers(some.map(({ name }) => partOf(name))),
            bigints(some.map(({ head }) => head)),
            bigints(some.map(({ trimmed }) => trimmed)),
            bigints(some.map(({ receiptSeq }) => receiptSeq)),
            bigints(some.map(({ rev }) => rev)),
            integers(some.map(({ closed }) => flag(closed))),
          ];
          await shard.query(insertStreams, values, bulk);
          const trimmed = some.filter(({ trim }) => trim !== null);
          if (trimmed.length === 0) return;
          const trims = [
            texts(trimmed.map(({ name }) => name)),
            bigints(trimmed.map(({ trim }) => trim!.dueAt)),
            bigints(trimmed.map(({ trim }) => trim!.buried)),
          ];
          await shard.query(insertTrims, trims, bulk);
        },
      ),

    async topics(copies) {
      const ids = await idsOf(copies.map(({ topic }) => topicStream(topic)));
      await eachShard(
        copies,
        ({ topic }) => topicStream(topic),
        (shard, some) => {
          const names = some.map(({ topic }) => topicStream(topic));
          const values = [
            bigints(names.map((name) => ids.get(name)!)),
            integers(names.map(partOf)),
            texts(some.map(({ topic }) => topic)),
            texts(some.map(({ owner }) => owner)),
            bigints(some.map(({ createdAt }) => createdAt)),
            texts(some.map(({ subscribe }) => subscribe)),
            texts(some.map(({ publish }) => publish)),
            integers(some.map(({ active }) => flag(active))),
            bigints(some.map(({ keepMs }) => keepMs)),
          ];
          return shard.query(insertTopics, values, bulk);
        },
      );
    },

    async grants(copies) {
      const ids = await idsOf(copies.map(({ topic }) => topicStream(topic)));
      await eachShard(
        copies,
        ({ topic }) => topicStream(topic),
        (shard, some) => {
          const names = some.map(({ topic }) => topicStream(topic));
          const values = [
            bigints(names.map((name) => ids.get(name)!)),
            integers(names.map(partOf)),
            texts(some.map(({ user }) => user)),
            bigints(some.map(({ createdAt }) => createdAt)),
          ];
          return shard.query(insertGrants, values, bulk);
        },
      );
    },

    async subscriptions(copies) {
      const ids = await idsOf(copies.flatMap(({ topic, user }) => [topicStream(topic), userStream(user)]));
      await eachShard(
        copies,
        ({ user }) => userStream(user),
        (shard, some) => {
          const values = [
            bigints(some.map(({ topic }) => ids.get(topicStream(topic))!)),
            bigints(some.map(({ user }) => ids.get(userStream(user))!)),
            bigints(some.map(({ since }) => since)),
            integers(some.map(({ user }) => partOf(userStream(user)))),
            texts(some.map(({ topic }) => topic)),
            texts(some.map(({ user }) => user)),
          ];
          return shard.query(insertSubscriptions, values, bulk);
        },
      );
    },

    async marks(copies) {
      const ids = await idsOf(copies.flatMap(({ user, stream }) => [userStream(user), stream]));
      await eachShard(
        copies,
        ({ user }) => userStream(user),
        (shard, some) => {
          const values = [
            bigints(some.map(({ user }) => ids.get(userStream(user))!)),
            bigints(some.map(({ stream }) => ids.get(stream)!)),
            smallints(some.map(({ kind }) => markCodes[kind])),
            bigints(some.map(({ upTo }) => upTo)),
            texts(some.map(({ except }) => seqsText(except))),
          ];
          return shard.query(insertMarks, values, bulk);
        },
      );
    },

    devices: (copies) =>
      eachShard(
        copies,
        ({ user }) => userStream(user),
        (shard, some) => {
          const values = [
            texts(some.map(({ user }) => user)),
            texts(some.map(({ device }) => device)),
            integers(some.map(({ user }) => partOf(userStream(user)))),
            bigints(some.map(({ seen }) => seen)),
            texts(some.map(({ cursor }) => cursor)),
          ];
          return shard.query(insertDevices, values, bulk);
        },
      ),

    async states(copies) {
      const ids = await idsOf(copies.map(({ user }) => userStream(user)));
      await eachShard(
        copies,
        ({ user }) => userStream(user),
        (shard, some) => {
          const values = [
            bigints(some.map(({ user }) => ids.get(userStream(user))!)),
            bigints(some.map(({ version }) => version)),
            texts(some.map(({ state }) => state)),
          ];
          return shard.query(insertStates, values, bulk);
        },
      );
    },

    async erasures(copies) {
      await allOf(
        all.map((shard) => {
          const some = copies.filter(({ user }) => user === null || shards.of(userStream(user)) === shard);
          return shard.query(
            insertErasures,
            [
              texts(some.map(({ hash }) => hash)),
              integers(some.map(({ user }) => (user === null ? -1 : partOf(userStream(user))))),
              texts(some.map(({ user }) => user)),
              texts(some.map(({ topicsTo }) => topicsTo)),
              bigints(some.map(({ at }) => at)),
              bigints(some.map(({ head }) => head)),
              bigints(some.map(({ rev }) => rev)),
              bigints(some.map(({ until }) => until)),
            ],
            bulk,
          );
        }),
      );
    },

    async receipts(copies) {
      const ids = await idsOf(copies.map(({ stream }) => stream));
      await eachShard(
        copies,
        ({ stream }) => stream,
        (shard, some) => {
          const values = [
            bigints(some.map(({ stream }) => ids.get(stream)!)),
            bigints(some.map(({ seq }) => seq)),
            bigints(some.map(({ at }) => at)),
            texts(some.map(({ user }) => user)),
          ];
          return shard.query(insertReceipts, values, bulk);
        },
      );
    },

    async notifications(copies) {
      const ids = await idsOf(copies.map(({ stream }) => stream));
      await eachShard(
        copies,
        ({ stream }) => stream,
        async (shard, some) => {
          const times = some.map(({ createdAt }) => createdAt);
          await days.get(shard)!.need(times);
          const values = [
            bigints(some.map(({ stream }) => ids.get(stream)!)),
            bigints(some.map(({ seq }) => seq)),
            bigints(times),
            bigints(some.map(({ expiresAt }) => expiresAt)),
            smallints(some.map(({ kind }) => kind)),
            smallints(some.map(({ receipt }) => flag(receipt))),
            texts(some.map(({ key }) => key)),
            texts(some.map(({ digest }) => digest)),
            bytes(some.map(({ collapseKey }) => collapseKey)),
            texts(some.map(({ body }) => body)),
          ];
          await shard.query(insertNotifications, values, bulk);
        },
      );
    },
  };

  return <K extends CopyKind>(kind: K, copies: readonly Copies[K][]): Promise<void> =>
    copies.length === 0 ? Promise.resolve() : puts[kind](copies);
}
