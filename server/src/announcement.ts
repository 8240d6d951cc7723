/** What this process says of itself, and where. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Service } from "./lifecycle.ts";

interface Told {
  readonly url: string | null;
  readonly operationsUrl: string;
}

/** `serving.json` in the data directory tells commands on this machine where the server is. */
export function announcement(directory: string, { url, operationsUrl }: Told): Service {
  const file = join(directory, "serving.json");
  return {
    name: "announcement",
    start: async () => writeFileSync(file, `${JSON.stringify({ url, operationsUrl, pid: process.pid })}\n`),
    stop: async () => rmSync(file, { force: true }),
  };
}

/** Every interface is reached through the loopback from here. */
export function urlOf({ address, port, family }: AddressInfo, scheme = "http"): string {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return `${scheme}://${family === "IPv6" || host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function ownVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
