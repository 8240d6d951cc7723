/**
 * Which member was meant by a name that would pass as an extension attribute, but looks like a slip of the fingers:
 * one edit away from a member (of `id` and `to`, one letter too many or the two swapped), or two from one of seven
 * letters or more that begins alike; and words by which others call `expires`. Null: none.
 */
import { editDistance } from "./nearest.ts";

export const memberMeant = (name: string, members: readonly string[]): string | null =>
  otherWords.get(name) ?? members.find((member) => isSlipOf(name, member.toLowerCase())) ?? null;

const otherWords: ReadonlyMap<string, string> = new Map(
  ["ttl", "expire", "expiry", "expiration"].map((word) => [word, "expires"]),
);

const isSlipOf = (name: string, member: string): boolean => {
  const isLong = member.length >= 7 && name[0] === member[0];
  const most = isLong ? 2 : 1;
  if (editDistance(name, member, most + 1) > most) return false;
  if (member.length > 2) return true;
  return name.length === 3 ? name[0] === member[0] : name.length === 2 && name[0] === member[1];
};
