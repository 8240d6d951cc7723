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
  readonly address: string;
  readonly cancel: () => void;
}

const tooManyWaiting = problem("overloaded", "too many connections wait for their tokens", {
  retryMs: 1_000,
});

const tooManyArrive = (retryMs: number): Problem =>
  problem("overloaded", "more clients come at once than are let in", { retryMs, jitterMs: 1_000 });

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

const isSecure = ({ socket }: IncomingMessage): boolean => "encrypted" in socket;

const queryOf = ({ url = "" }: IncomingMessage): URLSearchParams =>
  new URLSearchParams(url.slice(url.indexOf("?") + 1 || url.length));

/** What is wrong with a ticket: those who bring one are browsers. */
const isToldByCode = ({ code }: Problem, query: URLSearchParams): boolean =>
  code === "ticket-invalid" || (code === "token-revoked" && query.has("ticket"));

const ignore = (): void => {};

export function registerWebSocket(app: FastifyInstance, options: LiveOptions): void {
  const { sessions, authorizer, allowsOrigin, addressOf, arrivals, rates, metrics } = options;
  const { limits, clock, broken } = options;
  /** Those without a session yet. */
  const waiting = new Map<WebSocketOutlet, Waiting>();
  const waitingOf = new Map<string, number>();
  metrics.unauthenticated(() => waiting.size);
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
      stopWaiting(outlet);
      open.delete(outlet);
    },
  };

  function stopWaiting(outlet: WebSocketOutlet): Waiting | undefined {
    const kept = waiting.get(outlet);
    if (kept === undefined) return;
    kept.cancel();
    waiting.delete(outlet);
    const left = waitingOf.get(kept.address)! - 1;
    if (left === 0) waitingOf.delete(kept.address);
    else waitingOf.set(kept.address, left);
    return kept;
  }

  /** What was thrown where there is nobody to throw it to. */
  function caught(error: unknown): Problem {
    if (!(error instanceof Failure)) broken(error);
    return openingProblem(error);
  }

  function start(outlet: WebSocketOutlet, client: Client, wanted: Wanted): void {
    try {
      outlet.session = sessions.open({ ...wanted, client, greeting: true, outlet });
    } catch (error) {
      const what = caught(error);
      outlet.close(reasonOf(what), what.detail);
    }
  }

  /** Asked of those who are known alone: strangers take nobody's place. */
  function letIn(verdict: Client | Problem): Client | Problem {
    if (isProblem(verdict)) return verdict;
    const tooMuch = rates.request(verdict);
    if (tooMuch !== null) return tooMuch;
    const laterMs = arrivals.admit();
    if (laterMs === null) return verdict;
    metrics.deferred();
    return tooManyArrive(laterMs);
  }

  const verify = async (authorization: string): Promise<Client | Problem> =>
    letIn(await authorizer.client(authorization));

  async function authenticate(
    outlet: WebSocketOutlet,
    token: string,
    ref: number | undefined,
  ): Promise<void> {
    const verdict = await verify(`Bearer ${token}`).catch(caught);
    const kept = stopWaiting(outlet);
    if (kept === undefined) return;
    if (isProblem(verdict)) return outlet.close(reasonOf(verdict), verdict.detail);
    if (ref !== undefined) {
      outlet.write(websocketEncoding.frame("reply", JSON.stringify({ type: "reply", ref, ok: true })));
    }
    start(outlet, verdict, kept.wanted);
  }

  function upgraded(
    outlet: WebSocketOutlet,
    client: Client | Problem | null,
    wanted: Wanted | Problem,
    address: string,
  ): void {
    open.add(outlet);
    // Told by a close code, because a browser's page never sees why an upgrade was refused.
    if (isProblem(wanted)) return outlet.close("cursor-invalid", wanted.detail);
    if (client !== null && isProblem(client)) return outlet.close(reasonOf(client), client.detail);
    if (client !== null) return start(outlet, client, wanted);
    const cancel = clock.after(limits.unauthenticatedMs, () => {
      outlet.close("auth-timeout", "no token came in time");
    });
    waiting.set(outlet, { wanted, address, cancel });
    waitingOf.set(address, (waitingOf.get(address) ?? 0) + 1);
  }

  async function judge(request: IncomingMessage, query: URLSearchParams): Promise<Client | Problem | null> {
    const { origin, host } = request.headers;
    if (pathOf(request) !== path) return problem("route-not-found", "there is no WebSocket here");
    if (isClosing) return problem("draining", "the server is shutting down", { retryMs: 1_000 });
    if (origin !== undefined && !allowsOrigin({ origin, host, isSecure: isSecure(request) })) {
      return problem("origin-forbidden", "the server doesn't allow pages of this origin");
    }
    if (!offers(request)) {
      return problem("subprotocol-unsupported", `Sec-WebSocket-Protocol must offer ${subprotocol}`);
    }
    const { authorization } = request.headers;
    if (authorization !== undefined) return verify(authorization);
    const tickets = query.getAll("ticket");
    if (tickets.length > 0)
      return letIn(await authorizer.ticket(tickets.length === 1 ? tickets[0] : tickets));
    // The token comes in the first frame: browsers can't set headers.
    const ofAddress = waitingOf.get(addressOf(request)) ?? 0;
    const isFull = waiting.size >= limits.unauthenticated || ofAddress >= limits.unauthenticatedPerAddress;
    return isFull ? tooManyWaiting : null;
  }

  function turnAway(request: IncomingMessage, socket: Duplex, what: Problem): void {
    app.refused(what.code);
    refuse(request, socket, what);
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", ignore);
    const query = queryOf(request);
    const verdict = await judge(request, query).catch(caught);
    if (socket.destroyed) return;
    if (verdict !== null && isProblem(verdict) && !isToldByCode(verdict, query))
      return turnAway(request, socket, verdict);
    if (verdict !== null && isProblem(verdict)) app.refused(verdict.code);
    const wanted = readWanted((name) => {
      const values = query.getAll(name);
      return values.length > 1 ? values : values[0];
    });
    if (isProblem(wanted) && wanted.code !== "cursor-invalid") return turnAway(request, socket, wanted);
    socket.off("error", ignore);
    server.handleUpgrade(request, socket, head, (ws) => {
      upgraded(new WebSocketOutlet(ws, socket, shared), verdict, wanted, addressOf(request));
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
