import { expect, test } from "vitest";
import { noMemoryFigures } from "./memory.ts";
import { playSlowClients } from "./slow-clients.ts";

test("invariant 8: 200 clients that don't read cost 20 that do nothing, and the server bounded memory", {
  timeout: 120_000,
}, async ({ skip }) => {
  if (noMemoryFigures !== null) skip(noMemoryFigures);
  const { noticed } = await playSlowClients({ slow: 200, fast: 20, notifications: 400, dataBytes: 16_000 });
  expect(noticed).toBeGreaterThan(100);
});
