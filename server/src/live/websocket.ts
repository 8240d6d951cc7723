import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import { WebSocketServer } from "ws";
import type { Client } from "../access/principal.ts";
import { Failure } from "../errors.ts";
import { problemHeaders, sendProblem } from "../http/problem-reply.ts";
import { requestId } from "../http/request-id.ts";
import { websocketEncoding } from "./encoding.ts";
import type { LiveOptions } from "./live.ts";
import { openingProblem, reasonOf } from "./refusal.ts";
import { isProblem, readWanted, type Wanted } from "./request.ts";
import { LiveSocket, WebSocketOutlet, type WebSocketShared } from "./websocket-outlet.ts";

const path = "/v1/live";
const subprotocol = "carillon.v1";

/** What is kept of a request until its token comes. */
interface Waiting {
  readonly wanted: Wanted;
  readonly cancel: () => void;
}

const tooManyWaiting = problem("overloaded", "too many connections wait for their tokens", {
  retryMs: 1_000,
});

const pathOf = ({ url = "" }: IncomingMessage): string => url.split("?", 1)[0]!;

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket";

const offers = ({ headers }: IncomingMessage): boolean =>
  (headers["sec-websocket-protocol"] ?? "").split(",").some((offered) => offered.trim() === subprotocol);

/** Answers on the bare socket: there is no response object for an upgrade. */
function refuse(request: IncomingMessage, socket: Duplex, what: Problem): void {
  const instance = requestId(request);
  const body = JSON.stringify({ ...what, instance });
  const length = Buffer.byteLength(body);
  const headers = {
    ...problemHeaders(what),
    "x-request-id": instance,
    "content-length": length,
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${what.status} ${what.title}\r\n${lines.join("")}\r\n${body}`);
}

const ignore = (): void => {};

export function registerWebSocket(app: FastifyInstance, options: LiveOptions): void {
  const { sessions, authorizer, allowsOrigin, limits, clock, broken } = options;
  /** Those without a session yet. */
  const waiting = new Map<WebSocketOutlet, Waiting>();
  const open = new Set<WebSocketOutlet>();
  let isClosing = false;

  // Options of ws that its types don't know yet. Pings are counted here: with its own count it would just hang up.
  const untyped = { closeTimeout: limits.closeMs, maxPendingAutoPongs: 0 };
  const server = new WebSocketServer({
    ...untyped,
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    handleProtocols: () => subprotocol,
    WebSocket: LiveSocket,
  });

  const shared: WebSocketShared = {
    limits,
    clock,
    authenticate: (outlet, token, ref) => void authenticate(outlet, token, ref),
    gone(outlet) {
      waiting.get(outlet)?.cancel();
      waiting.delete(outlet);
      open.delete(outlet);
    },
  };

  /** What was thrown where there is nobody to throw it to. */
  function caught(error: unknown): Problem {
    if (!(error instanceof Failure)) broken(error);
    return openingProblem(error);
  }

  function start(outlet: WebSocketOutlet, { user, expiresAt }: Client, wanted: Wanted): void {
    try {
      outlet.session = sessions.open({ ...wanted, user, expiresAt, greeting: true, outlet });
    } catch (error) {
      const what = caught(error);
      outlet.close(reasonOf(what), what.detail);
    }
  }

  const verify = async (authorization: string): Promise<Client | Problem> => authorizer.client(authorization);

  async function authenticate(
    outlet: WebSocketOutlet,
    token: string,
    ref: number | undefined,
  ): Promise<void> {
    const verdict = await verify(`Bearer ${token}`).catch(caught);
    const kept = waiting.get(outlet);
    if (kept === undefined) return;
    kept.cancel();
    waiting.delete(outlet);
    if (isProblem(verdict)) return outlet.close(reasonOf(verdict), verdict.detail);
    if (ref !== undefined) {
      outlet.write(websocketEncoding.frame("reply", JSON.stringify({ type: "reply", ref, ok: true })));
    }
    start(outlet, verdict, kept.wanted);
  }

  function upgraded(outlet: WebSocketOutlet, client: Client | null, wanted: Wanted | Problem): void {
    open.add(outlet);
    // Told by a close code, because a browser's page never sees why an upgrade was refused.
    if (isProblem(wanted)) return outlet.close("cursor-invalid", wanted.detail);
    if (client !== null) return start(outlet, client, wanted);
    const cancel = clock.after(limits.unauthenticatedMs, () => {
      outlet.close("auth-timeout", "no token came in time");
    });
    waiting.set(outlet, { wanted, cancel });
  }

  async function judge(request: IncomingMessage): Promise<Client | Problem | null> {
    const { origin } = request.headers;
    if (pathOf(request) !== path) return problem("route-not-found", "there is no WebSocket here");
    if (isClosing) return problem("draining", "the server is shutting down", { retryMs: 1_000 });
    if (origin !== undefined && !allowsOrigin(origin)) {
      return problem("origin-forbidden", "the server doesn't allow pages of this origin");
    }
    if (!offers(request)) {
      return problem("subprotocol-unsupported", `Sec-WebSocket-Protocol must offer ${subprotocol}`);
    }
    const { authorization } = request.headers;
    if (authorization !== undefined) return verify(authorization);
    // The token comes in the first frame: browsers can't set headers.
    return waiting.size < limits.unauthenticated ? null : tooManyWaiting;
  }

  function turnAway(request: IncomingMessage, socket: Duplex, what: Problem): void {
    app.refused(what.code);
    refuse(request, socket, what);
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", ignore);
    const verdict = await judge(request).catch(caught);
    if (socket.destroyed) return;
    if (verdict !== null && isProblem(verdict)) return turnAway(request, socket, verdict);
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const wanted = readWanted((name) => {
      const values = query.getAll(name);
      return values.length > 1 ? values : values[0];
    });
    if (isProblem(wanted) && wanted.code !== "cursor-invalid") return turnAway(request, socket, wanted);
    socket.off("error", ignore);
    server.handleUpgrade(request, socket, head, (ws) => {
      upgraded(new WebSocketOutlet(ws, socket, shared), verdict, wanted);
    });
  }

  server.on("wsClientError", ({ message }, socket, request) => {
    turnAway(
      request,
      socket as Duplex,
      problem("parameter-invalid", `not a WebSocket handshake: ${message}`),
    );
  });
  app.server.on("upgrade", (request, socket, head) => void upgrade(request, socket, head));
  // Any other `Upgrade` (curl asks for h2c, for instance) is a plain request that need not be granted.
  Object.assign(app.server, { shouldUpgradeCallback: isWebSocket });

  app.get(path, { exposeHeadRoute: false, config: { access: "anybody" } }, (_, reply) => {
    reply.header("upgrade", "websocket").header("connection", "upgrade");
    return sendProblem(
      reply,
      problem("upgrade-required", `connect with a WebSocket and offer ${subprotocol}`),
    );
  });
  app.addHook("preClose", async () => {
    isClosing = true;
    for (const outlet of open) outlet.destroy();
  });
}
