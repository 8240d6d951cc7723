import type { Service } from "./catalog.ts";
import { install } from "./install.ts";

/** Installs what is missing, starts them all at once, and says where each is as soon as it answers. */
export async function start(services: readonly Service[], say: (line: string) => void): Promise<void> {
  await install(new Set(services.map(({ kind }) => kind)), say);
  const results = await Promise.allSettled(
    services.map(async (service) => {
      await service.up();
      for (const { name, url } of service.servers) say(`${name.padEnd(10)} ${url}`);
    }),
  );
  const failed = results.filter((result) => result.status === "rejected");
  if (failed.length > 0) throw new Error(failed.map(({ reason }) => message(reason)).join("\n\n"));
}

export function message(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
