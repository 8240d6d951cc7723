import { createClient } from "@redis/client";
import { type Finding, well, wrong } from "../../doctor/finding.ts";
import { redisAddress } from "./address.ts";

const connectMs = 3_000;

/** Whether a server answers. */
export async function examineRedis(url: string): Promise<Finding> {
  const { name } = redisAddress(url);
  const client = createClient({ url, socket: { connectTimeout: connectMs, reconnectStrategy: false } });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
    return well("redis", `${name} answers`);
  } catch (error) {
    const advice = "notifications come late until it is back, and none is lost";
    return wrong("redis", `${name}: ${(error as Error).message}`, advice);
  } finally {
    client.destroy();
  }
}
