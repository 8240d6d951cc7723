/** The routes of the request API and of the transports, without a server behind them. */
import { readFileSync } from "node:fs";
import { systemClock } from "../src/clock.ts";
import { openapiText } from "../src/http/openapi.ts";
import { buildHttp, type HttpDeps, httpDefaults } from "../src/http/server.ts";
import { type LiveOptions, liveDefaults, registerLive } from "../src/live/live.ts";

/** What openapi.json ought to be. */
export async function currentOpenapi(): Promise<string> {
  // Routes are registered and never asked, so nothing stands behind them but bounds.
  const metrics = { deferred: () => {}, unauthenticated: () => {} };
  const app = buildHttp({
    producers: {},
    clients: {},
    topics: {},
    page: null,
    certificate: null,
    limits: httpDefaults,
  } as HttpDeps);
  registerLive(app, { clock: systemClock, limits: liveDefaults, metrics } as unknown as LiveOptions);
  await app.ready();
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const text = openapiText(app.served, (JSON.parse(manifest) as { version: string }).version);
  await app.close();
  return text;
}
