import { mkdirSync } from "node:fs";
import { redisAnswers } from "./answers.ts";
import { binary } from "./find.ts";
import { freePort } from "./free-ports.ts";
import { type Server, server } from "./server.ts";
import { redisSettings } from "./versions.ts";

export interface RedisPlace {
  readonly name?: string;
  readonly directory: string;
  readonly port: number;
}

/** A Redis or Valkey server that keeps nothing. */
export function redis(place: RedisPlace): Server {
  return server({
    name: place.name ?? "redis",
    url: `redis://127.0.0.1:${place.port}`,
    directory: place.directory,
    command: async () => {
      mkdirSync(place.directory, { recursive: true });
      const settings = Object.entries(redisSettings).flatMap(([name, value]) => [`--${name}`, value]);
      const where = ["--bind", "127.0.0.1", "--port", String(place.port), "--dir", place.directory];
      return {
        file: binary("redis-server", "valkey-server"),
        arguments: [...where, ...settings],
        account: null,
      };
    },
    answers: () => redisAnswers(place.port),
    stopSignal: "SIGTERM",
  });
}

/** One of the caller's own, up; on a free port unless given one. */
export async function startRedis(
  place: Omit<RedisPlace, "port"> & { readonly port?: number },
): Promise<Server> {
  const started = redis({ ...place, port: place.port ?? (await freePort()) });
  await started.up();
  return started;
}
