/**
 * What names a notification, and what tells whether two of one name are the same (invariant 5). Both are the
 * first 16 bytes of a sha256 in base64url: 22 characters, 0.6 us. `hash` in one shot, straight to base64url, is
 * three times as fast as by way of a buffer.
 */
import { hash } from "node:crypto";
import { canonical } from "@carillon/protocol/event";
import type { Notification } from "@carillon/protocol/notification";

const short = (text: string): string => hash("sha256", text, "base64url").slice(0, 22);

/** The name within its stream: (source, id). Neither can contain a NUL. */
export const identityKey = (source: string, id: string): string => short(`${source}\0${id}`);

export const contentDigest = (notification: Notification): string => short(canonical(notification));
