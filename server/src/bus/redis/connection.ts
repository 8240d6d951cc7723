import { createClient } from "@redis/client";
import type { Connection } from "../link.ts";
import type { RedisAddress } from "./address.ts";

export type Client = ReturnType<typeof createClientOnce>;

export interface RedisConnection extends Connection {
  readonly client: Client;
}

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** What the server's CLIENT LIST shows. */
  readonly name: string;
  readonly connectMs: number;
  readonly broke: (reason: unknown) => void;
}

/** A timer for every command would cost more than the command. */
const untimed = { timeout: undefined } as unknown as { timeout: number };

/**
 * Left to reconnect by itself the client subscribes again without telling what was lost, forgets subscriptions that
 * were under way, brings back channels whose unsubscription was, and doesn't notice that a server hangs.
 */
function createClientOnce({ address, name, connectMs }: RedisConnectionOptions) {
  return createClient({
    url: address.url,
    name,
    socket: { connectTimeout: connectMs, reconnectStrategy: false },
    commandOptions: untimed,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
  });
}

/** Null when the server can be used; it has let us in already. */
async function misfit(client: Client): Promise<string | null> {
  const hello = (await client.sendCommand(["HELLO"])) as unknown as { mode?: string; role?: string };
  if (hello.mode === "cluster") {
    return "the server is in cluster mode; Carillon spreads its streams over plain servers itself";
  }
  if (hello.mode === "sentinel") return "this is a Sentinel; give the server that it watches";
  if (hello.role === "replica")
    return "the server is a replica: what is published elsewhere isn't heard on it";
  return null;
}

export function makeRedisConnection(options: RedisConnectionOptions): RedisConnection {
  const client = createClientOnce(options);
  let destroyed = false;
  client.on("error", options.broke);
  // Destroyed while its socket connects, the client comes to life afterwards.
  client.on("connect", () => {
    if (destroyed) client.destroy();
  });
  return {
    client,
    async connect() {
      await client.connect();
      const problem = await misfit(client);
      if (problem !== null) throw new Error(problem);
    },
    // An error is an answer too: PING is refused by a server that can't save to its disk.
    ping: () => client.sendCommand(["PING"]),
    destroy() {
      destroyed = true;
      client.destroy();
    },
  };
}
