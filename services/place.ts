import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closedAbove } from "./account.ts";

/**
 * Where data, logs, records and jars are: `SERVICES_DIR`, or `.services` in the checkout. Root's checkout may be in a
 * place that PostgreSQL, which won't run as root, can't enter; then they are under /var/tmp, by the checkout's path.
 */
export function place(): string {
  const said = process.env["SERVICES_DIR"];
  if (said !== undefined && said !== "") return said;
  const inCheckout = fileURLToPath(new URL("../.services", import.meta.url));
  if (process.getuid?.() !== 0 || closedAbove(inCheckout) === null) return inCheckout;
  const name = createHash("sha256").update(inCheckout).digest("hex").slice(0, 12);
  return join("/var/tmp", `carillon-services-${name}`);
}
