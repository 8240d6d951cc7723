import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** What this run of the process is called among those that share a store: printable, unique, and readable in a log. */
export const makeOwner = (): string =>
  `${hostname()
    .replaceAll(/[^A-Za-z0-9.-]/g, "-")
    .slice(0, 64)}-${process.pid}-${randomBytes(6).toString("hex")}`;
