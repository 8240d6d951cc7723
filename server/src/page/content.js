/** What a person is shown of an event. All of it is a stranger's text: cut to a length, and never more than text. Pure. */

/** @import { CloudEvent } from "@carillon/protocol/frames" */
/** @typedef {{ title: string, body: string, link: { href: string, host: string } | null }} Content */

const titleLength = 200;
const bodyLength = 1_000;

/** @param {CloudEvent} event @returns {Content} */
export function contentOf({ type, subject, data }) {
  const { title, body, text, message, url } = isObject(data) ? data : {};
  const named = [title, subject].find(isText);
  const said = [body, text, message].find(isText);
  if (typeof data === "string" && data !== "") {
    return {
      title: cut(named ?? data, titleLength),
      body: named === undefined ? "" : cut(data, bodyLength),
      link: null,
    };
  }
  const rest = said === undefined && named === undefined && data !== undefined ? JSON.stringify(data) : "";
  return {
    title: cut(named ?? type, titleLength),
    body: cut(said ?? rest, bodyLength),
    link: linkOf(url),
  };
}

/** Of http: and https: alone, without a name and password that would pass for a host. @param {unknown} url */
export function linkOf(url) {
  if (typeof url !== "string" || url.length > 2_048) return null;
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null;
  return parsed.username !== "" || parsed.password !== "" ? null : { href: parsed.href, host: parsed.host };
}

/** @param {string} text @param {number} most */
export const cut = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`);

/** @param {unknown} value @returns {value is string} */
const isText = (value) => typeof value === "string" && value.trim() !== "";

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
