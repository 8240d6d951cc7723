import type { FastifyInstance } from "fastify";
import type { Clock } from "../clock.ts";

/**
 * Closes the server: requests under way are answered, and whatever is left after `graceMs` is cut off, because
 * from then on nothing else ends a connection whose request never comes whole.
 */
export async function closeWithin(
  app: FastifyInstance,
  clock: Pick<Clock, "after">,
  graceMs: number,
): Promise<void> {
  const cancel = clock.after(graceMs, () => app.server.closeAllConnections());
  await app.close();
  cancel();
}
