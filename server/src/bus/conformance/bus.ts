import { describe, expect, onTestFinished, test } from "vitest";
import type { Revocation } from "../../store/access.ts";
import { answersTo, type BusDriver, type BusMessage, everywhere } from "../driver.ts";
import { type BusUnderTest, makeEar } from "./suite.ts";

const head = (stream: BusMessage["stream"], at: number): BusMessage => ({ type: "head", stream, head: at });

/** The whole exam of a bus driver. */
export function examineBus(name: string, { capabilities, make }: BusUnderTest): void {
  const started = async (): Promise<{ bus: BusDriver; ear: ReturnType<typeof makeEar> }> => {
    const bus = make();
    const ear = makeEar();
    onTestFinished(() => bus.stop());
    await bus.start(ear.listener);
    return { bus, ear };
  };

  describe(`bus: ${name}`, () => {
    test("once subscribe has resolved, what is published is delivered, in every kind and whole", async () => {
      const { bus, ear } = await started();
      await bus.subscribe("user:a");
      const row = {
        seq: 3,
        kind: 0,
        expiresAt: null,
        receipt: true,
        body: '{"data":"\u0000 \u{1F514} é"}',
      } as const;
      const tombstone = {
        seq: 4,
        kind: 2,
        expiresAt: 1_900_000_000_000,
        receipt: false,
        body: null,
      } as const;
      const rows: BusMessage = {
        type: "rows",
        stream: "user:a",
        rows: [row, tombstone],
        acceptedAt: 1_800_000_000_000.5,
        committedAt: 1_800_000_000_001.5,
      };
      bus.publish([rows]);
      await ear.heard(capabilities.carries === "rows" ? rows : head("user:a", 4));
      expect(ear.messages).toHaveLength(1);
      const others: BusMessage[] = [
        { type: "head", stream: "user:a", head: 9 },
        { type: "changed", stream: "user:a", rev: 2 },
        { type: "withdrawn", stream: "user:a", seq: 3, rev: 3 },
        { type: "ephemeral", stream: "user:a", body: '{"data":"\u{1F514} é"}' },
      ];
      bus.publish(others);
      for (const message of others) await ear.heard(message);
    });

    test("who asks who is here is heard by all, and the answer, as large as it may be, by who asked", async () => {
      const { bus, ear } = await started();
      await bus.subscribe(everywhere);
      await bus.subscribe(answersTo("me"));
      const session = (at: number) => ({
        session: `mf3k1a2b-${at}`,
        transport: "websocket" as const,
        since: 1_800_000_000_000,
        device: '"'.repeat(64),
        lingers: false,
      });
      const asked = {
        type: "asked",
        stream: everywhere,
        asker: "me",
        id: "1",
        user: "x".repeat(128),
      } as const;
      const present: BusMessage = {
        type: "present",
        stream: answersTo("me"),
        id: "1",
        count: 64,
        sessions: Array.from({ length: 16 }, (_, at) => session(at)),
      };
      bus.publish([asked, { ...present, stream: answersTo("another") }, present]);
      await ear.heard(asked);
      await ear.heard(present);
      expect(ear.messages).toHaveLength(2);
    });

    test("what concerns everybody is heard by whoever asks for it", async () => {
      const { bus, ear } = await started();
      await bus.subscribe(everywhere);
      const until = 1_900_000_000_000;
      const revocations: Revocation[] = [
        { user: null, tokenId: null, issuedBefore: 1_800_000_000_000, until },
        { user: "a", tokenId: null, issuedBefore: 1_800_000_000_001, until },
        { user: "a", tokenId: 'of "any" text \u{1F514}', issuedBefore: null, until },
      ];
      const messages = revocations.map(
        (revocation) => ({ type: "revoked", stream: everywhere, revocation }) as const,
      );
      bus.publish(messages);
      for (const message of messages) await ear.heard(message);
    });

    test("a stream that isn't subscribed to is not heard, and after unsubscribe no more", async () => {
      const { bus, ear } = await started();
      await Promise.all([bus.subscribe("user:a"), bus.subscribe("user:b")]);
      bus.publish([head("user:a", 1), head("user:c", 1), head("user:b", 1)]);
      await ear.heard(head("user:b", 1));
      await ear.heard(head("user:a", 1));
      bus.unsubscribe("user:a");
      bus.publish([head("user:a", 2)]);
      bus.publish([head("user:b", 2)]);
      await ear.heard(head("user:b", 2));
      await bus.subscribe("user:a");
      bus.publish([head("user:a", 3), head("user:b", 3)]);
      await ear.heard(head("user:a", 3));
      await ear.heard(head("user:b", 3));
      expect(ear.of("user:c")).toEqual([]);
      expect(ear.of("user:a")).not.toContainEqual(head("user:a", 2));
    });

    test("a thousand streams are subscribed to at once", async () => {
      const { bus, ear } = await started();
      const streams = Array.from({ length: 1_000 }, (_, at) => `user:${at}` as const);
      await Promise.all(streams.map((stream) => bus.subscribe(stream)));
      bus.publish(streams.map((stream) => head(stream, 1)));
      await Promise.all(streams.map((stream) => ear.heard(head(stream, 1))));
    });

    test("publish returns before anything is delivered, and never throws: not before start, not after stop", async () => {
      const bus = make();
      const ear = makeEar();
      onTestFinished(() => bus.stop());
      bus.publish([head("user:a", 1)]);
      await bus.start(ear.listener);
      await bus.subscribe("user:a");
      bus.publish([head("user:a", 2)]);
      expect(ear.messages).toEqual([]);
      await ear.heard(head("user:a", 2));
      bus.publish([]);
      await bus.stop();
      await bus.stop();
      const heard = ear.messages.length;
      bus.publish([head("user:a", 3)]);
      expect(ear.messages).toHaveLength(heard);
    });

    test("subscribe rejects once the bus has stopped", async () => {
      const { bus } = await started();
      await bus.stop();
      await expect(bus.subscribe("user:a")).rejects.toMatchObject({ name: "Failure" });
    });

    const { interrupt } = capabilities;
    if (interrupt) {
      test("invariant 9: an interruption makes every subscribed stream suspect, and delivery goes on after it", async () => {
        const { bus, ear } = await started();
        const streams = Array.from({ length: 20 }, (_, at) => `user:${at}` as const);
        await Promise.all(streams.map((stream) => bus.subscribe(stream)));
        await interrupt(bus);
        await Promise.all(streams.map((stream) => ear.suspected(stream)));
        bus.publish(streams.map((stream) => head(stream, 7)));
        await Promise.all(streams.map((stream) => ear.heard(head(stream, 7))));
      });
    } else {
      test("with nothing to interrupt, every message comes once and in order", async () => {
        const { bus, ear } = await started();
        await bus.subscribe("user:a");
        const messages = Array.from({ length: 100 }, (_, at) => head("user:a", at + 1));
        for (const message of messages) bus.publish([message]);
        await ear.heard(head("user:a", 100));
        expect(ear.messages).toEqual(messages);
      });
    }

    if (capabilities.crossesProcesses) {
      test("what one publishes, all hear", async () => {
        const [one, other] = [await started(), await started()];
        await one.bus.subscribe("topic:t");
        await other.bus.subscribe("topic:t");
        one.bus.publish([head("topic:t", 1)]);
        await Promise.all([one.ear.heard(head("topic:t", 1)), other.ear.heard(head("topic:t", 1))]);
      });

      test("what was published before stop is delivered", async () => {
        const [one, other] = [await started(), await started()];
        await other.bus.subscribe("topic:t");
        // Once it has come through, there is a way for what follows.
        one.bus.publish([head("topic:t", 1)]);
        await other.ear.heard(head("topic:t", 1));
        one.bus.publish([head("topic:t", 2)]);
        await one.bus.stop();
        await other.ear.heard(head("topic:t", 2));
      });
    }
  });
}
