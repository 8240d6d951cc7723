/** How the connection is, in words. */
import { find, say } from "./elements.js";

/** @import { Status } from "./connection.js" */

/** @param {Status | null} status null: nobody is signed in */
export function showStatus(status) {
  const line = find("status", HTMLElement);
  line.dataset["is"] = status?.is ?? "out";
  say(line, wordsFor(status));
}

/** @param {Status | null} status */
function wordsFor(status) {
  switch (status?.is) {
    case "connecting":
      return "Connecting…";
    case "live":
      return "Connected";
    case "offline":
      return "You are offline. The page connects again when you are back.";
    case "waiting": {
      const seconds = Math.ceil((status.untilMs - Date.now()) / 1_000);
      return seconds <= 1
        ? `${status.why} Trying again.`
        : `${status.why} Trying again in ${seconds} seconds.`;
    }
    default:
      return "";
  }
}
