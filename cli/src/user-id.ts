import { isName } from "@carillon/protocol/stream";
import { UsageError } from "./verb.ts";

/** The user of `user:42`, or of a bare `42`. */
export function userOf(word: string): string {
  if (word.startsWith("topic:")) {
    throw new UsageError(
      `${word} is a topic; a client is a user's, and topics come to it by \`carillon topic subscribe\``,
    );
  }
  const user = word.startsWith("user:") ? word.slice("user:".length) : word;
  if (!isName(user)) throw new UsageError(`${word} is no user: 1 to 128 letters, digits and ._~@+:=-`);
  return user;
}
