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

class SseOutlet implements Outlet {
  session: Session | null = null;
  private readonly response: ServerResponse;
  private readonly clock: Clock;
  private readonly closeMs: number;
  private cancelClose: (() => void) | null = null;

  constructor(response: ServerResponse, clock: Clock, closeMs: number) {
    this.response = response;
    this.clock = clock;
    this.closeMs = closeMs;
    response.on("drain", () => this.session?.drained());
    response.on("error", () => response.destroy());
    response.on("close", () => {
      this.cancelClose?.();
      this.session?.ended();
    });
  }

  get encoding(): Encoding {
    return sseEncoding;
  }

  write(bytes: Buffer): void {
    if (this.response.writable && bytes.length > 0) this.response.write(bytes);
  }

  /** Only beyond the response's own mark does `drain` follow. */
  queued(): number {
    return this.response.writableNeedDrain ? this.response.writableLength : 0;
  }

  close(reason: CloseReason, detail: string): void {
    this.response.end(sseEncoding.frame("error", JSON.stringify({ type: "error", code: reason, detail })));
    this.cancelClose ??= this.clock.after(this.closeMs, () => this.response.destroy());
  }
}

/** The headers that hooks have set (CORS, the request's id) go out too, although the reply is hijacked. */
function begin(reply: FastifyReply): ServerResponse {
  reply.hijack();
  const response = reply.raw;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  // Spread, because an EventSource waits for exactly this long: all of them would come back at once.
  response.write(`retry: ${Math.round(retryFromMs + Math.random() * retrySpreadMs)}\n\n`);
  return response;
}

export function registerSse(app: FastifyInstance, { sessions, limits, clock }: LiveOptions): void {
  const streams = new Set<ServerResponse>();

  app.get(
    "/v1/events",
    { exposeHeadRoute: false, config: { access: "client", documented: eventsDocumented } },
    (request, reply) => {
      const { user, expiresAt } = clientOf(request);
      const query = request.query as Record<string, unknown>;
      const wanted = readWanted((name) => query[name], request.headers["last-event-id"]);
      if (isProblem(wanted)) return sendProblem(reply, wanted);
      const outlet = new SseOutlet(reply.raw, clock, limits.closeMs);
      try {
        outlet.session = sessions.open({ ...wanted, user, expiresAt, greeting: true, outlet });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const what = openingProblem(error);
        if (!comesBack(reasonOf(what))) return sendProblem(reply, what);
        begin(reply);
        outlet.close(reasonOf(what), what.detail);
        return reply;
      }
      const response = begin(reply);
      streams.add(response);
      response.on("close", () => streams.delete(response));
      return reply;
    },
  );

  app.addHook("preClose", async () => {
    for (const response of streams) response.destroy();
  });
}
