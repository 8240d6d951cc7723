import { parseDuration } from "@carillon/protocol/timestamp";
import { UsageError } from "./verb.ts";

/** In milliseconds; `0s` is allowed. */
export function milliseconds(flag: string, text: string): number {
  const ms = text === "0s" ? 0 : parseDuration(text);
  if (ms === null) throw new UsageError(`${flag} ${text} is not a time such as 30s, 10m or 1h`);
  return ms;
}
