/** `If-Match` (RFC 9110, section 13.1.1), for what has a version as its ETag; 0 is what isn't there yet. */
import { type Problem, problem } from "@carillon/protocol/problems";

export const etagOf = (version: number): string => `"${version}"`;

const tags = /^(?:\s*(?:(?:W\/)?"[\x21\x23-\x7e]*")?\s*(?:,|$))+$/;

/** Which versions are meant: any where the header is absent. Weak tags are like no other. */
export function readIfMatch(header: string | undefined): ((version: number) => boolean) | Problem {
  if (header === undefined) return () => true;
  if (header.trim() === "*") return (version) => version > 0;
  if (!tags.test(header)) return notTags;
  const meant = new Set(header.split(",").map((tag) => tag.trim()));
  return (version) => meant.has(etagOf(version));
}

const notTags = problem("parameter-invalid", "If-Match must be * or entity tags", {
  errors: [{ header: "If-Match", detail: "must be * or entity tags" }],
});
