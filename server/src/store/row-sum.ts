/**
 * What a row comes to when two stores are compared: the first 8 bytes of sha256 of its text, as a signed number. Sums
 * of them don't depend on the order in which a store has its rows. A backend may compute the same in SQL.
 */
import { hash } from "node:crypto";
import type { NotificationCopy } from "./transfer.ts";

/** Null is `-`; what is there begins with `+`. The body comes last, because it alone may hold a `|`. */
export const rowText = (row: Omit<NotificationCopy, "stream">): string => {
  const collapse = row.collapseKey === null ? "-" : `+${Buffer.from(row.collapseKey).toString("hex")}`;
  const expires = row.expiresAt === null ? "-" : `+${row.expiresAt}`;
  const body = row.body === null ? "-" : `+${row.body}`;
  const flags = `${row.kind}|${row.receipt ? 1 : 0}`;
  return `${row.seq}|${flags}|${row.createdAt}|${expires}|${row.key}|${row.digest}|${collapse}|${body}`;
};

export const sumOf = (text: string): bigint => hash("sha256", text, "buffer").readBigInt64BE(0);
