/**
 * `POST /v1/admin/clean` of the operations listener: a run of cleaning that is asked for, told line by line. It takes an API
 * key with the scope `admin`, because it removes what the configuration would keep: a page in a browser on the same
 * machine can send a POST to the loopback, and can't know a key.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Problem, problem, problemMediaType } from "@carillon/protocol/problems";
import { parseDuration } from "@carillon/protocol/timestamp";
import { isKeySecret, type Keys } from "./access/keys.ts";
import { type Cleaned, clean } from "./cleaning.ts";
import type { Clock } from "./clock.ts";
import type { StoreBackend } from "./store/store.ts";

export interface CleaningOnDemandOptions {
  readonly store: Pick<StoreBackend, "streams" | "retention">;
  readonly keys: Pick<Keys, "find">;
  readonly clock: Clock;
  /** What the configuration keeps; null: everything. */
  readonly keepMs: number | null;
  readonly identityWindowMs: number;
}

const stepRows = 200;
const toldEveryMs = 500;

export function makeCleaningOnDemand(options: CleaningOnDemandOptions) {
  const { store, keys, clock, identityWindowMs } = options;
  let isUnderWay = false;

  const refusal = async ({ headers }: IncomingMessage): Promise<Problem | null> => {
    const secret = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
    if (secret === undefined || !isKeySecret(secret))
      return problem("unauthenticated", "the Authorization header must be: Bearer and an API key");
    const key = await keys.find(secret);
    if (key === null) return problem("key-invalid", "there is no such API key, or it has expired");
    if (!key.scopes.includes("admin"))
      return problem("forbidden", `the key ${key.name} lacks the scope admin`);
    return isUnderWay
      ? problem("overloaded", "another run is under way; ask again when it has ended", { retryMs: 10_000 })
      : null;
  };

  const keepMsOf = (url: URL): number | null | Problem => {
    const asked = url.searchParams.get("olderThan");
    if (asked === null) return options.keepMs;
    const keepMs = parseDuration(asked);
    return keepMs === null || keepMs < identityWindowMs
      ? problem(
          "parameter-invalid",
          "olderThan must be a time such as 30d, and not shorter than ids are remembered",
        )
      : keepMs;
  };

  const run = async (keepMs: number | null, response: ServerResponse): Promise<void> => {
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    const say = (line: object): void => void response.write(`${JSON.stringify(line)}\n`);
    let toldAt = clock.now();
    const goOn = async (stepMs: number, soFar: Cleaned): Promise<boolean> => {
      if (clock.now() - toldAt >= toldEveryMs) {
        toldAt = clock.now();
        say({ type: "progress", ...soFar });
      }
      await new Promise<void>((resolve) => void clock.after(stepMs, resolve));
      return !response.destroyed;
    };
    try {
      const { streams, retention } = store;
      const { upkeep } = streams;
      const now = clock.now;
      const cleaned = await clean({ retention, upkeep, keepMs, giveBack: "all", stepRows, goOn, now });
      say({ type: "ended", is: "done", ...cleaned, ...(await retention.space()) });
    } catch (error) {
      say({ type: "ended", is: "failed", why: (error as Error).message });
    }
    response.end();
  };

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refuse = (reason: Problem): void => {
      response.writeHead(reason.status, { "content-type": problemMediaType, "cache-control": "no-store" });
      response.end(JSON.stringify(reason));
    };
    let refused: Problem | null;
    try {
      refused = await refusal(request);
    } catch (error) {
      return refuse(problem("unavailable", (error as Error).message, { retryMs: 1_000 }));
    }
    if (refused !== null) return refuse(refused);
    const keepMs = keepMsOf(new URL(request.url ?? "", "http://here"));
    if (typeof keepMs === "object" && keepMs !== null) return refuse(keepMs);
    isUnderWay = true;
    try {
      await run(keepMs, response);
    } finally {
      isUnderWay = false;
    }
  };
}
