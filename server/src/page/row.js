/** One notification in the list. */
import { contentOf } from "./content.js";
import { make, makeButton, say } from "./elements.js";
import { hasSeq } from "./marking.js";
import { relativeTime } from "./times.js";

/** @import { Look } from "./marking.js" */
/** @typedef {{ element: HTMLLIElement, update: (look: Look, now: number) => void }} Row */

let serial = 0;

/** @param {Look} first @returns {Row} */
export function makeRow(first) {
  const { event, stream, key } = first;
  const { title, body, link } = contentOf(event);
  serial += 1;
  const titleId = `title-${serial}`;

  const state = make("span", "visually-hidden");
  const heading = make("h2", "title", make("bdi", "", title));
  heading.id = titleId;
  const time = timeOf(event["time"]);
  const meta = make("p", "meta", time, make("span", "tag", event.type), make("span", "from", event.source));
  if (stream.startsWith("topic:")) meta.append(make("span", "from", `#${stream.slice("topic:".length)}`));
  if (event["topic"] !== undefined) meta.append(make("span", "from", `#${String(event["topic"])}`));

  const read = makeButton("", "read");
  const upTo = makeButton("Read to here", "up-to");
  const archive = makeButton("Archive", "archive");
  if (!hasSeq(first)) {
    meta.append(make("span", "tag", "not kept"));
    say(archive, "Dismiss");
  }
  for (const button of [read, upTo, archive]) button.setAttribute("aria-describedby", titleId);
  const actions = make("div", "actions", ...(hasSeq(first) ? [read, upTo, archive] : [archive]));

  const element = make("li", "row", make("span", "dot"), make("div", "head", state, heading, meta));
  if (body !== "") element.append(make("p", "body", make("bdi", "", body)));
  if (link !== null) element.append(linkTo(link));
  element.append(actions);
  element.dataset["key"] = key;
  element.tabIndex = -1;
  element.setAttribute("aria-labelledby", titleId);

  return {
    element,
    update(look, now) {
      element.classList.toggle("unread", !look.read);
      element.classList.toggle("waiting", look.isWaiting);
      element.ariaBusy = String(look.isWaiting);
      say(state, look.read ? "" : "Unread: ");
      say(read, look.read ? "Mark unread" : "Mark read");
      const at = Date.parse(time.dateTime);
      if (!Number.isNaN(at)) say(time, relativeTime(at, now));
    },
  };
}

/** @param {unknown} said */
function timeOf(said) {
  const at = typeof said === "string" ? Date.parse(said) : Number.NaN;
  const time = make("time", "");
  if (Number.isNaN(at)) return time;
  const date = new Date(at);
  time.dateTime = date.toISOString();
  time.title = date.toLocaleString("en", { dateStyle: "full", timeStyle: "long" });
  return time;
}

/** @param {{ href: string, host: string }} link */
function linkTo({ href, host }) {
  const anchor = make("a", "", `Open at ${host}`);
  anchor.href = href;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  return make("p", "link", anchor, make("span", "visually-hidden", " (in a new tab)"));
}
