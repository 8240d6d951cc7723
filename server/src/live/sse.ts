/**
 * Server-Sent Events (WHATWG HTML, section 9.2).
 *
 * An EventSource comes back by itself when a stream ends, and never again when the answer isn't 200 with
 * `text/event-stream`. So what a client must not repeat is refused with its 4xx (a stream that ended because the
 * token expired is refused when it is asked for again), and what it should try again later is answered with 200,
 * the time to wait, an `error` event, and the end: a 503 would silence it for ever.
 */
import type { ServerResponse } from "node:http";
import type { CloseReason } from "@carillon/protocol/close-codes";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import { clientOf } from "../http/authorize.ts";
import { sendProblem } from "../http/problem-reply.ts";
import { eventsDocumented } from "./documented.ts";
import { sseEncoding } from "./encoding.ts";
import type { LiveOptions } from "./live.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import { comesBack, openingProblem, reasonOf } from "./refusal.ts";
import { isProblem, readWanted } from "./request.ts";
import type { Session } from "./session.ts";

const retryFromMs = 1_000;
const retrySpreadMs = 4_000;

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

class SseOutlet implements Outlet {
  session: Session | null = null;
  private readonly reply: FastifyReply;
  private readonly clock: Clock;
  private readonly closeMs: number;
  private readonly retryMs: number;
  private cancelClose: (() => void) | null = null;

  /** Spread, because an EventSource waits for exactly `retryMs`: all of them would come back at once. */
  constructor(
    reply: FastifyReply,
    clock: Clock,
    closeMs: number,
    retryMs = Math.round(retryFromMs + Math.random() * retrySpreadMs),
  ) {
    this.reply = reply;
    this.clock = clock;
    this.closeMs = closeMs;
    this.retryMs = retryMs;
  }

  get encoding(): Encoding {
    return sseEncoding;
  }

  /** From here on the answer is a stream. What hooks have set (CORS, the request's id) goes out with its head. */
  begin(): void {
    const { reply } = this;
    if (reply.raw.headersSent) return;
    reply.hijack();
    const response = reply.raw;
    response.on("drain", () => this.session?.drained());
    response.on("error", () => response.destroy());
    response.on("close", () => this.ended());
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(200, headers);
    response.write(`retry: ${this.retryMs}\n\n`);
  }

  write(bytes: Buffer): void {
    this.begin();
    if (this.reply.raw.writable && bytes.length > 0) this.reply.raw.write(bytes);
  }

  /** Only beyond the response's own mark does `drain` follow. */
  queued(): number {
    const { raw } = this.reply;
    return raw.writableNeedDrain ? raw.writableLength : 0;
  }

  close(reason: CloseReason, detail: string): void {
    this.begin();
    this.reply.raw.end(sseEncoding.frame("error", JSON.stringify({ type: "error", code: reason, detail })));
    this.cancelClose ??= this.clock.after(this.closeMs, () => this.reply.raw.destroy());
  }

  private ended(): void {
    this.cancelClose?.();
    this.session?.ended();
  }
}

export function registerSse(
  app: FastifyInstance,
  { sessions, limits, clock, arrivals, rates, metrics }: LiveOptions,
): void {
  const streams = new Set<ServerResponse>();

  app.get(
    "/v1/events",
    {
      exposeHeadRoute: false,
      config: { access: "client", takesTickets: true, countsItself: true, documented: eventsDocumented },
    },
    (request, reply) => {
      const client = clientOf(request);
      const query = request.query as Record<string, unknown>;
      const wanted = readWanted((name) => query[name], request.headers["last-event-id"]);
      if (isProblem(wanted)) return sendProblem(reply, wanted);
      const sendAway = (retryMs: number, detail: string): FastifyReply => {
        new SseOutlet(reply, clock, limits.closeMs, retryMs).close("overloaded", detail);
        return reply;
      };
      const tooMany = rates.request(client);
      if (tooMany !== null) return sendAway(Math.max(retryFromMs, tooMany.retryMs ?? 0), tooMany.detail);
      const laterMs = arrivals.admit();
      if (laterMs !== null) {
        metrics.deferred();
        return sendAway(laterMs, "more come than are let in");
      }
      const outlet = new SseOutlet(reply, clock, limits.closeMs);
      try {
        outlet.session = sessions.open({ ...wanted, client, greeting: true, outlet });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const what = openingProblem(error);
        if (!comesBack(reasonOf(what))) return sendProblem(reply, what);
        outlet.close(reasonOf(what), what.detail);
        return reply;
      }
      outlet.begin();
      streams.add(reply.raw);
      reply.raw.on("close", () => streams.delete(reply.raw));
      return reply;
    },
  );

  app.addHook("preClose", async () => {
    for (const response of streams) response.destroy();
  });
}
