/** The exam: registers its tests with vitest. What sits it is asked for when the first test runs. */
import { describe, vi } from "vitest";
import { access } from "./access.ts";
import { credentials } from "./credentials.ts";
import { problems } from "./problems.ts";
import { acks } from "./receiving/acks.ts";
import { clientFrames } from "./receiving/client-frames.ts";
import { cursors } from "./receiving/cursors.ts";
import { following } from "./receiving/following.ts";
import { gaps } from "./receiving/gaps.ts";
import { heartbeats, sessionsPerUser } from "./receiving/heartbeats.ts";
import { missedFirst } from "./receiving/missed-first.ts";
import { oneCursor } from "./receiving/one-cursor.ts";
import { reading } from "./receiving/reading.ts";
import { several } from "./receiving/several.ts";
import { subscriptions } from "./receiving/subscriptions.ts";
import { particulars } from "./receiving/transports.ts";
import { answers } from "./sending/answers.ts";
import { bounds } from "./sending/bounds.ts";
import { forms } from "./sending/forms.ts";
import { options } from "./sending/options.ts";
import { status } from "./sending/status.ts";
import { makeServer } from "./server.ts";
import type { Target } from "./target.ts";
import { members } from "./topics/members.ts";
import { policy } from "./topics/policy.ts";
import { topics } from "./topics/topics.ts";
import { users } from "./topics/users.ts";

/** Every test has users, topics and ids of its own, so they run beside each other, and beside other traffic. */
export function conformance(target: () => Target): void {
  vi.setConfig({ maxConcurrency: 24, testTimeout: 60_000 });
  const server = makeServer(target);
  describe.concurrent("what a producer is answered", () => answers(server));
  describe.concurrent("forms of sending", () => forms(server));
  describe.concurrent("options of a notification", () => options(server));
  describe.concurrent("status and taking back", () => status(server));
  describe.concurrent("bounds of sending", () => bounds(server));
  describe.concurrent("topics", () => topics(server));
  describe.concurrent("a topic's policy", () => policy(server));
  describe.concurrent("to some members of a topic", () => members(server));
  describe.concurrent("what users may do with topics", () => users(server));
  describe.concurrent("who is asking", () => access(server));
  describe.concurrent("tickets, revocation, pages, rates", () => credentials(server));
  describe.concurrent("problems", () => problems(server));
  describe.concurrent("missed first, then live", () => missedFirst(server));
  describe.concurrent("one cursor", () => oneCursor(server));
  describe.concurrent("gaps", () => gaps(server));
  describe.concurrent("cursors", () => cursors(server));
  describe.concurrent("particulars of the transports", () => particulars(server));
  describe.concurrent("several tabs and devices", () => several(server));
  describe.concurrent("acknowledgements", () => acks(server));
  describe.concurrent("reading", () => reading(server));
  describe.concurrent("subscriptions", () => subscriptions(server));
  describe.concurrent("following by oneself", () => following(server));
  describe.concurrent("frames from the client", () => clientFrames(server));
  describe.concurrent("heartbeats", () => heartbeats(server));
  describe.concurrent("sessions of one user", () => sessionsPerUser(server));
}
