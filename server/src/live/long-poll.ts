/**
 * Long polling: a session that lives for one answer. The state is the cursor, so any node answers the next one.
 */
import type { CloseReason } from "@carillon/protocol/close-codes";
import type { Problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import { Failure } from "../errors.ts";
import { clientOf } from "../http/authorize.ts";
import { sendProblem } from "../http/problem-reply.ts";
import { pollDocumented } from "./documented.ts";
import { pollEncoding } from "./encoding.ts";
import type { LiveOptions } from "./live.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import { openingProblem, problemOf } from "./refusal.ts";
import { invalid, isProblem, type Query, readWanted } from "./request.ts";
import type { Session } from "./session.ts";

/**
 * With as much as this in hand an answer goes out although more is missed: the next poll fetches it. What the
 * session wrote in one go is never parted, so an answer holds at most a page of the store more, about 1 MB.
 */
const bounds = { frames: 256, bytes: 256 << 10 } as const;
const usualWaitMs = 25_000;
const lineBreak = 0x0a;

type Answer = Buffer | Problem;

class PollOutlet implements Outlet {
  private session: Session | null = null;
  /** The client's place after the chunks. */
  private cursor: string | null = null;
  private chunks: Buffer[] = [];
  private bytes = 0;
  private frames = 0;
  private overdue = false;
  private readonly answer: (answer: Answer | null) => void;
  private answered = false;

  constructor(answer: (answer: Answer | null) => void) {
    this.answer = answer;
  }

  get encoding(): Encoding {
    return pollEncoding;
  }

  /** It may have been closed already while it was being opened. */
  attach(session: Session): void {
    this.session = session;
    if (this.answered) session.ended();
  }

  write(bytes: Buffer): void {
    if (this.answered) return;
    // Now, in the session's own flush, its place is that of what was written, neither more nor less.
    this.cursor = this.session?.cursor() ?? null;
    if (bytes.length > 0) {
      this.chunks.push(bytes);
      this.bytes += bytes.length;
      for (let at = bytes.indexOf(lineBreak); at >= 0; at = bytes.indexOf(lineBreak, at + 1)) this.frames++;
    }
    this.answerIfReady();
  }

  /** Nothing waits for the client: an answer goes out before too much is in hand. */
  queued(): number {
    return 0;
  }

  close(reason: CloseReason, detail: string): void {
    this.settle(this.cursor !== null && this.bytes > 0 ? this.body(this.cursor) : problemOf(reason, detail));
  }

  /** The time to wait is over: whatever there is goes out, as soon as the client's places are known. */
  expire(): void {
    this.overdue = true;
    this.session?.flush();
    this.answerIfReady();
  }

  gone(): void {
    this.settle(null);
  }

  private answerIfReady(): void {
    const { session, bytes, frames, cursor } = this;
    if (this.answered || session === null || cursor === null) return;
    const full = bytes >= bounds.bytes || frames >= bounds.frames;
    const due = session.isCaughtUp() ? this.overdue || bytes > 0 : this.overdue && bytes > 0;
    if (full || due) this.settle(this.body(cursor));
  }

  private body(cursor: string): Buffer {
    const head = Buffer.from(`{"cursor":"${cursor}","frames":[`);
    const [first, ...rest] = this.chunks;
    return Buffer.concat([head, ...(first ? [first.subarray(1), ...rest] : []), Buffer.from("]}")]);
  }

  private settle(answer: Answer | null): void {
    if (this.answered) return;
    this.answered = true;
    this.answer(answer);
    this.session?.ended();
  }
}

/** In milliseconds; more than the most is cut to it. */
function readWaitMs(query: Query, mostMs: number): number | Problem {
  const wait = query("wait");
  if (wait === undefined) return Math.min(usualWaitMs, mostMs);
  if (typeof wait !== "string" || !/^\d{1,6}(\.\d{1,3})?$/.test(wait)) {
    return invalid("wait", "must be a number of seconds");
  }
  return Math.min(Number(wait) * 1_000, mostMs);
}

export function registerLongPoll(app: FastifyInstance, { sessions, limits, clock }: LiveOptions): void {
  app.get(
    "/v1/poll",
    { exposeHeadRoute: false, config: { access: "client", takesTickets: true, documented: pollDocumented } },
    (request, reply) => {
      const client = clientOf(request);
      const parameters = request.query as Record<string, unknown>;
      const query: Query = (name) => parameters[name];
      const wanted = readWanted(query);
      if (isProblem(wanted)) return sendProblem(reply, wanted);
      const waitMs = readWaitMs(query, limits.pollWaitMs);
      if (typeof waitMs === "object") return sendProblem(reply, waitMs);

      const outlet = new PollOutlet((answer) => {
        cancel();
        if (answer === null) return;
        if (!Buffer.isBuffer(answer)) return void sendProblem(reply, answer);
        reply.header("cache-control", "no-store").header("content-type", "application/json").send(answer);
      });
      const cancel = clock.after(waitMs, () => outlet.expire());
      try {
        outlet.attach(sessions.open({ ...wanted, cursors: false, client, greeting: false, outlet }));
      } catch (error) {
        cancel();
        if (!(error instanceof Failure)) throw error;
        return sendProblem(reply, openingProblem(error));
      }
      reply.raw.on("close", () => outlet.gone());
      return reply;
    },
  );
}
