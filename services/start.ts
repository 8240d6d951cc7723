import type { Service } from "./catalog.ts";
import { install } from "./install.ts";

/** Installs what is missing, starts each when what it needs is up, and says where each is once it answers. */
export async function start(services: readonly Service[], say: (line: string) => void): Promise<void> {
  await install(new Set(services.map(({ kind }) => kind)), say);
  const ups = new Map<string, Promise<void>>();
  for (const service of services) ups.set(service.name, up(service));
  const results = await Promise.allSettled(ups.values());
  const failed = results.filter((result) => result.status === "rejected");
  if (failed.length > 0) throw new Error(failed.map(({ reason }) => message(reason)).join("\n\n"));

  async function up(service: Service): Promise<void> {
    for (const name of service.needs) {
      await ups.get(name)?.catch(() => Promise.reject(new Error(`${service.name} needs ${name}`)));
    }
    await service.up();
    for (const { name, url } of service.servers) say(`${name.padEnd(10)} ${url}`);
  }
}

export function message(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
