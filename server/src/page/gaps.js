/** What a gap means, in words. Pure. */

/** @import { Gap } from "./inbox.js" */

/** @param {Gap} gap @returns {{ text: string, canLoad: boolean }} */
export function gapText({ stream, reason, from, to }) {
  const where = stream.startsWith("topic:")
    ? `the topic ${stream.slice("topic:".length)}`
    : "your own notifications";
  const places = from === to ? `number ${to}` : `numbers ${from} to ${to}`;
  switch (reason) {
    case "trimmed":
      return { text: `Of ${where}, ${places} are not kept any more.`, canLoad: false };
    case "skipped":
      return {
        text: `Of ${where}, ${places} were skipped: more was missed than is sent at once.`,
        canLoad: true,
      };
    default:
      return {
        text: `The server was restored to an earlier time; ${where} may have changed.`,
        canLoad: true,
      };
  }
}
