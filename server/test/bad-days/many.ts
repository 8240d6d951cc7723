/** Sends so many notifications that they go in full batches. */
import { json, must } from "./ask.ts";
import type { ServerProcess } from "./server-process.ts";

export interface Outgoing {
  readonly to: string;
  readonly id: string;
  readonly data: unknown;
}

const batchItems = 1_000;
const batchBytes = 4 << 20;

/** Resolves when all are stored. */
export async function sendMany(
  { url, apiKey }: Pick<ServerProcess, "url" | "apiKey">,
  notifications: Iterable<Outgoing>,
): Promise<void> {
  let batch: object[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const sent = batch;
    batch = [];
    bytes = 0;
    if (sent.length > 0) await must(202, `${url}/v1/notifications`, { ...json(sent), bearer: apiKey });
  };
  for (const one of notifications) {
    batch.push({ ...one, source: "/test", type: "test" });
    bytes += typeof one.data === "string" ? one.data.length : 100;
    if (batch.length === batchItems || bytes >= batchBytes) await flush();
  }
  await flush();
}
