/**
 * An idle session with its own stream and one topic: what resident memory grows by from 1,000 sessions to 11,000,
 * both times settled, divided by 10,000. Users, topics and subscriptions are in the store before.
 */
import { embedded, kinds } from "../deployments.ts";
import { type Memory, makeInspector } from "../inspector.ts";
import { addressed, makeAudience, topicNumber } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { openProducers } from "../load/producer.ts";
import { makeTopics } from "../load/topics.ts";
import type { Shape } from "../shape.ts";

const warmUp = 1_000;
const sessions = 10_000;
const topics = 100;

const kilobytes = (after: Memory, before: Memory, part: keyof Memory): number =>
  (after[part] - before[part]) / sessions / 1_024;

export const memory: Shape = {
  name: "memory",
  on: kinds,
  async run(start, deployment) {
    const inspector = await makeInspector();
    const server = await start([inspector.nodeOption]);
    const ledger = makeLedger();
    const [producer] = await openProducers(1, server);
    const users = Array.from({ length: warmUp + sessions }, (_, number) => addressed(number));
    const following = Array.from({ length: topics }, (_, topic) => ({
      topic: `bench-${topic}`,
      users: users.filter((_, number) => number % topics === topic),
    }));
    await makeTopics(producer!, following);
    const audience = makeAudience(server, ledger, users.length, (user) => topicNumber + (user % topics));
    await audience.connectUpTo(warmUp);
    const before = await inspector.settledMemory();
    await audience.connectUpTo(users.length);
    const after = await inspector.settledMemory();
    const audit = ledger.audit(audience.places());
    audience.drop();
    const part = (name: keyof Memory): string => kilobytes(after, before, name).toFixed(2);
    return {
      audit,
      figures: [
        {
          name: "an idle session of 10,000, own stream and one topic, resident",
          value: kilobytes(after, before, "rss"),
          unit: "KB",
          bar: deployment === embedded ? { most: 16 } : undefined,
          beside: `heap ${part("heapUsed")}, external ${part("external")}, array buffers ${part("arrayBuffers")} KB; ${Math.round(after.rss / 2 ** 20)} MB in all`,
        },
      ],
    };
  },
};
