// The exam of conformance/, sat by `carillon serve` as it comes, but for heartbeats worth waiting for.
import { afterAll, beforeAll, expect } from "vitest";
import { conformance } from "../../conformance/src/suite.ts";
import { type Server, serve } from "./process.ts";

let server: Server;
beforeAll(async () => {
  server = await serve(["--heartbeat", "3s"]);
});
afterAll(async () => {
  await server.stop();
  expect(server.log()).not.toMatch(/"level":"(error|fatal)"/);
});

conformance(() => server);
