/**
 * The operations listener: `/livez`, `/readyz`, `/metrics`, and what operators ask for by POST. Apart from the public one, so that it can stay on the
 * loopback, and answers while the public one is closed or drowning.
 *
 * Live means that the event loop turns: an answer is the proof. Ready means that the roles can do their work;
 * `/readyz` says 503 and why while one can't, or the process is draining.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Service } from "./lifecycle.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What must be right for this process to be given work. */
export interface Check {
  readonly name: string;
  /** Null when all is well, else why not. Never blocks: it is asked every few seconds. */
  problem(): string | null;
  /** True where work is done all the same: the problem is told, and the process is ready. */
  isSurvived?(): boolean;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

function readiness(checks: readonly Check[]): Readiness {
  const found = checks.map((check) => ({ check, problem: check.problem() }));
  return {
    ready: found.every(({ check, problem }) => problem === null || check.isSurvived?.() === true),
    checks: Object.fromEntries(found.map(({ check, problem }) => [check.name, problem ?? "ok"])),
  };
}

export type Post = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface OperationsOptions {
  readonly host: string;
  readonly port: number;
  readonly checks: readonly Check[];
  readonly metrics: Pick<Metrics, "page">;
  /** By path; each asks for its own credentials. Those that aren't there yet are added later. */
  readonly posts: ReadonlyMap<string, Post>;
}

export interface Operations extends Service {
  /** What /readyz says. */
  ready(): boolean;
  /** Where it listens, once started. */
  address(): AddressInfo;
}

const json = "application/json; charset=utf-8";

export function makeOperations({ host, port, checks, metrics, posts }: OperationsOptions): Operations {
  const server = createServer((request, response) => void answer(request, response));
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxHeadersCount = 50;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, contentType: string, body: string): void => {
      response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const path = request.url?.split("?", 1)[0] ?? "";
    const post = posts.get(path);
    if (post !== undefined && request.method === "POST") {
      return post(request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else say(500, "text/plain", `that went wrong: ${error.message}\n`);
      });
    }
    if (post !== undefined) return say(405, "text/plain", "POST\n");
    if (request.method !== "GET" && request.method !== "HEAD") return say(405, "text/plain", "GET or HEAD\n");
    if (path === "/livez") return say(200, json, '{"live":true}\n');
    if (path === "/readyz") {
      const state = readiness(checks);
      return say(state.ready ? 200 : 503, json, `${JSON.stringify(state)}\n`);
    }
    if (path !== "/metrics") return say(404, "text/plain", "/livez, /readyz and /metrics are here\n");
    try {
      const page = await metrics.page();
      say(200, page.contentType, page.text);
    } catch (error) {
      say(500, "text/plain", `the metrics can't be read: ${(error as Error).message}\n`);
    }
  }

  return {
    name: "operations",
    start: () =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, () => {
          server.off("error", reject);
          resolve();
        });
      }),
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    ready: () => readiness(checks).ready,
    address: () => server.address() as AddressInfo,
  };
}
