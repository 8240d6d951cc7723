import { expect, test } from "vitest";
import { noMemoryFigures } from "../bad-days/memory.ts";
import { playSlowClients } from "../bad-days/slow-clients.ts";

test("invariant 8: 1,000 clients that don't read cost 100 that do nothing, and the server bounded memory", async ({
  skip,
}) => {
  if (noMemoryFigures !== null) skip(noMemoryFigures);
  const result = await playSlowClients({ slow: 1_000, fast: 100, notifications: 400, dataBytes: 16_000 });
  console.log(`slow clients: ${JSON.stringify(result)}`);
  expect(result.noticed).toBeGreaterThan(500);
});
