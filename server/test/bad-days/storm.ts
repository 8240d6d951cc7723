/**
 * Everybody drops and comes back at once, each with something missed: as after the loss of a network, or a deploy.
 */
import type { ServerFrame } from "@carillon/protocol/frames";
import { expect } from "vitest";
import { sendMany } from "./many.ts";
import { makeDirectory, startServer } from "./server-process.ts";
import { makeSigner } from "./tokens.ts";
import { openRawWebSocket, type RawWebSocket } from "./transports/raw-websocket.ts";

export interface StormOptions {
  readonly clients: number;
  readonly missed: number;
}

interface Member {
  readonly user: string;
  readonly token: string;
  cursor: string | null;
  readonly seqs: number[];
  readonly ids: string[];
  line: RawWebSocket | null;
}

const restMs = 50;
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, restMs));

/** Resolves when it is caught up, however often it is told to come back later. */
async function join(url: string, member: Member): Promise<void> {
  for (;;) {
    const { promise: caughtUp, resolve, reject } = Promise.withResolvers<true>();
    const line = openRawWebSocket(url, {
      query: member.cursor === null ? "" : `?cursor=${member.cursor}`,
      headers: { Authorization: `Bearer ${member.token}` },
      onText(text) {
        const frame = JSON.parse(text) as ServerFrame;
        if (frame.type === "gap") reject(new Error(`${member.user}: ${text}`));
        if (frame.type === "hello") member.cursor ??= frame.cursor;
        if (frame.type === "notification") {
          if (frame.prev !== member.seqs.length) reject(new Error(`${member.user}: ${text}`));
          member.seqs.push(frame.seq!);
          member.ids.push(frame.event.id);
        }
        if (frame.type === "caught-up") {
          member.cursor = frame.cursor;
          resolve(true);
        }
      },
    });
    member.line = line;
    const outcome = await Promise.race([caughtUp, line.closed]);
    if (outcome === true) return;
    if (outcome !== null) expect(outcome).toBeLessThan(3_500);
    await rest();
  }
}

export interface StormResult {
  readonly clients: number;
  readonly received: number;
  /** From the drop's end to the last client that had everything: a figure, nothing that is asserted. */
  readonly tookMs: number;
}

export async function playStorm({ clients, missed }: StormOptions): Promise<StormResult> {
  const directory = makeDirectory();
  const server = await startServer({ directory, flags: ["--log-level", "warn"] });
  const sign = makeSigner(directory);
  const members = Array.from({ length: clients }, (_, at): Member => {
    const user = `u${at}`;
    return { user, token: sign(user), cursor: null, seqs: [], ids: [], line: null };
  });
  await Promise.all(members.map((member) => join(server.url, member)));
  await sendMany(
    server,
    members.map(({ user }) => ({ to: `user:${user}`, id: "0", data: null })),
  );

  const gone = members.map(({ line }) => line!.closed);
  for (const { line } of members) line!.socket.destroy();
  await Promise.all(gone);
  // What each had before it dropped is its own to know: its cursor is of that.
  for (const member of members) Object.assign(member, { seqs: [], ids: [] });
  const serials = Array.from({ length: missed - 1 }, (_, at) => String(at + 1));
  await sendMany(
    server,
    serials.flatMap((id) => members.map(({ user }) => ({ to: `user:${user}`, id, data: null }))),
  );

  const startedAt = performance.now();
  await Promise.all(members.map((member) => join(server.url, member)));
  const tookMs = Math.round(performance.now() - startedAt);
  const all = ["0", ...serials];
  for (const { user, ids, seqs } of members) {
    expect(ids, user).toEqual(all);
    expect(seqs, user).toEqual(all.map((_, at) => at + 1));
  }
  // And everybody is live again.
  await sendMany(
    server,
    members.map(({ user }) => ({ to: `user:${user}`, id: "live", data: null })),
  );
  await Promise.all(
    members.map(async (member) => {
      while (member.ids.length <= missed)
        await new Promise((resolve) => member.line!.socket.once("data", resolve));
      expect(member.ids.at(-1)).toBe("live");
      member.line!.socket.destroy();
    }),
  );
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  return { clients, received: members.reduce((sum, { ids }) => sum + ids.length, 0), tookMs };
}
