/** Everything that the ports say of a store's data: two stores with the same portrait are the same to every role. */
import type { StoreBackend } from "../../src/store/store.ts";
import type { StreamRecord } from "../../src/store/streams.ts";
import * as history from "./history.ts";

/** Times of rows are whole milliseconds after a move. */
const whole = (at: number | null): number | null => (at === null ? null : Math.floor(at));

const namesOf = (walk: number) => ({
  streams: history.streams.map((name) => history.inWalk(name, walk)),
  users: history.users.map((name) => history.inWalk(name, walk)),
  topics: history.topics.map((name) => history.inWalk(name, walk)),
});

async function portrait(store: StoreBackend, walk: number): Promise<object> {
  const { streams, users, topics } = namesOf(walk);
  const { streams: port, directory, grants, positions, access, people } = store;
  const perStream = [];
  for (const stream of streams) {
    const page = await port.read(stream, 0, 256);
    const found = [];
    for (const key of history.keys) {
      const one = await port.find(stream, key);
      found.push(one && { ...one, createdAt: whole(one.createdAt), expiresAt: whole(one.expiresAt) });
    }
    const receipts = [];
    for (let seq = page.first; seq <= page.head; seq++)
      receipts.push(await positions.receipts(stream, seq, 100));
    const rows = page.rows.map((row) => ({ ...row, expiresAt: whole(row.expiresAt) }));
    perStream.push({ stream, ...page, rows, found, receipts });
  }
  const perUser = [];
  for (const user of users) {
    const places = [];
    for (const device of history.devices) places.push(await positions.findDevice(user, device));
    perUser.push({
      user,
      places,
      state: await people.state(user),
      subscriptions: await directory.subscriptions(user),
      unread: await positions.unread(user),
    });
  }
  const perTopic = [];
  for (const topic of topics) {
    perTopic.push([
      await directory.getTopic(topic),
      await directory.subscribers(topic, "", 100),
      await grants.listGrants(topic, "", 100),
    ]);
  }
  return {
    heads: await port.heads(streams),
    perStream,
    perUser,
    perTopic,
    keys: await access.listKeys(),
    revocations: await access.revocations(null, 1_000),
    list: await directory.listTopics("", 1_000),
  };
}

const retry = (stream: StreamRecord["stream"], key: string): StreamRecord => ({
  stream,
  key,
  digest: "d1",
  kind: 0,
  collapseKey: null,
  expiresAt: null,
  receipt: false,
  acceptedAt: 0,
  body: '"again"',
});

/** What becomes of each identity that is sent again: duplicates and conflicts stay such, closed topics closed. */
async function sendAgain(store: StoreBackend, walk: number): Promise<unknown> {
  const { streams } = namesOf(walk);
  const records = streams.flatMap((stream) => history.keys.map((key) => retry(stream, key)));
  const { outcomes } = await store.streams.apply({ part: 0, progress: null, records, rejected: [] });
  return outcomes;
}

/** What topics do when they are made once more: their heads go on. */
async function remakeTopics(store: StoreBackend, walk: number): Promise<unknown> {
  const { streams, users, topics } = namesOf(walk);
  const made = [];
  for (const topic of topics) {
    const { created } = await store.directory.putTopic(topic, "key:other");
    const touched = await store.directory.subscribe(topic, users, 256);
    made.push([created, touched, await store.directory.subscribers(topic, "", 100)]);
  }
  return [made, await sendAgain(store, walk), await store.streams.heads(streams)];
}

/** All of it, and then what a store makes of what comes next; the same questions change the same. */
export async function look(store: StoreBackend, walks: number): Promise<unknown> {
  const seen = [];
  for (let walk = 0; walk < walks; walk++) seen.push(await portrait(store, walk));
  for (let walk = 0; walk < walks; walk++) {
    seen.push([await sendAgain(store, walk), await remakeTopics(store, walk)]);
  }
  return seen;
}
