/** The page: who is signed in, what they see, and what their clicks and keys mean. */
import { contentOf, cut } from "./content.js";
import { copy, find, make, makeButton, say } from "./elements.js";
import { makeFramesPanel } from "./frames.js";
import { gapText } from "./gaps.js";
import { listenToKeys } from "./keyboard.js";
import { makeList } from "./list.js";
import { askAll, askSingle, askUpTo, hasSeq, isUnread } from "./marking.js";
import { startSession } from "./session.js";
import { keptToken, makeSignIn } from "./sign-in.js";
import { showStatus } from "./status.js";
import { makeToast } from "./toast.js";
import { makeTopics } from "./topics.js";

/** @import { NotificationFrame } from "@carillon/protocol/frames" */
/** @import { Asked } from "./marking.js" */
/** @import { Session } from "./session.js" */

const tickMs = 30_000;

/** @type {Session | null} */
let session = null;
/** @type {string | null} */
let token = null;
/** @type {NotificationFrame[]} */
let arrived = [];
let isDrawn = true;
/** The newest mark that was asked for: what is undone before the server has it waits for that. */
let marking = Promise.resolve();

const inboxSection = find("inbox", HTMLElement);
const announcements = find("announcements", HTMLElement);
const help = find("help", HTMLDialogElement);
const announce = (/** @type {string} */ text) => say(announcements, text);
const toast = makeToast(announce);
const frames = makeFramesPanel();
const topics = makeTopics(() => token, announce);
const list = makeList(find("list", HTMLOListElement), () => inboxSection.focus());
const signIn = makeSignIn(begin);

/** Drawn once for all that comes in one go; not by frames of the screen, which a hidden page hasn't. */
function changed() {
  if (!isDrawn) return;
  isDrawn = false;
  setTimeout(() => {
    isDrawn = true;
    draw();
  });
}

function draw() {
  if (session === null) return;
  const { gaps, before, isCut } = session.inbox();
  const looks = session.looks();
  const unread = session.unread();
  const unseen = session.unseen();
  list.render(looks, Date.now());
  document.title = unread === 0 ? "Carillon" : `(${unread}) Carillon`;
  say(find("counts", HTMLElement), `${unread} unread${unseen === 0 ? "" : `, ${unseen} new`}`);
  say(find("user", HTMLElement), session.user());
  find("who", HTMLElement).hidden = session.user() === "";
  find("read-all", HTMLButtonElement).disabled = unread === 0;
  find("older", HTMLButtonElement).hidden = before === null;
  find("cut", HTMLElement).hidden = !isCut;
  find("empty", HTMLElement).hidden = looks.length > 0 || !session.isCaughtUp();
  const example = `--type order.shipped --data '{"title":"On its way"}'`;
  say(find("send-command", HTMLElement), `npx carillon send user:${session.user()} ${example}`);
  const lines = gaps.map((gap) => {
    const { text, canLoad } = gapText(gap);
    return make("li", "notice", text, ...(canLoad ? [" ", makeButton("Load the newest pages", "load")] : []));
  });
  find("gaps", HTMLElement).replaceChildren(...lines);
  tellArrivals();
  if (document.visibilityState === "visible") void session.look();
}

function tellArrivals() {
  const [first, ...others] = arrived.splice(0);
  if (first === undefined) return;
  const { title } = contentOf(first.event);
  announce(others.length === 0 ? `New: ${cut(title, 120)}` : `${others.length + 1} new notifications`);
}

/** @param {string} own */
function begin(own) {
  token = own;
  keptToken.keep(own);
  signIn.hide();
  find("signed-in", HTMLElement).hidden = false;
  find("who", HTMLElement).hidden = true;
  find("person", HTMLElement).hidden = false;
  inboxSection.focus();
  session = startSession(own, {
    changed,
    arrived: (frame) => void arrived.push(frame),
    followed: topics.refresh,
    failed: toast.fail,
    status: showStatus,
    passed: frames.passed,
    ended: leave,
  });
}

/** @param {string} why "" where the person asked for it */
function leave(why) {
  session?.close();
  session = null;
  token = null;
  arrived = [];
  keptToken.forget();
  topics.clear();
  frames.clear();
  toast.hide();
  announce("");
  list.render([], 0);
  find("gaps", HTMLElement).replaceChildren();
  document.title = "Carillon";
  find("person", HTMLElement).hidden = true;
  find("signed-in", HTMLElement).hidden = true;
  showStatus(null);
  signIn.ask(why);
}

/** @param {Asked} asked @param {string} done @param {Asked | null} undo */
async function markNow(asked, done, undo) {
  if (session === null) return;
  toast.hide();
  if (!(await session.mark(asked))) return;
  toast.done(done, undo === null ? null : () => mark(undo, "Undone.", null));
}

/** @param {Asked} asked @param {string} done @param {Asked | null} undo */
function mark(asked, done, undo) {
  marking = markNow(asked, done, undo);
}

/** @param {string} does @param {string | null} key */
function act(does, key) {
  if (session === null) return;
  if (does === "undo") return void marking.then(toast.undo);
  const looks = session.looks();
  const at = looks.findIndex((look) => look.key === key);
  const look = looks[at];
  if (look === undefined) return;
  const one = [look];
  if (does === "read" && hasSeq(look)) {
    const done = look.read ? "Unread again." : "Marked read.";
    mark(askSingle("read", one, !look.read), done, askSingle("read", one, look.read));
  }
  if (does === "archive") {
    mark(askSingle("archive", one, true), "Archived.", askSingle("archive", one, false));
  }
  if (does === "up-to" && hasSeq(look)) {
    const unread = looks.slice(at).filter(isUnread);
    mark(askUpTo(looks.slice(at)), "Marked read, down to the oldest.", askSingle("read", unread, false));
  }
}

find("read-all", HTMLButtonElement).addEventListener("click", () => {
  if (session === null) return;
  const looks = session.looks();
  const unread = looks.filter(isUnread);
  // What isn't in the list couldn't be made unread again.
  const undo = unread.length === session.unread() ? askSingle("read", unread, false) : null;
  mark(askAll(looks), "All marked read.", undo);
});
find("list", HTMLElement).addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button") : null;
  const key = button?.closest("li")?.dataset["key"] ?? null;
  if (button !== null) act(button.dataset["does"] ?? "", key);
});
listenToKeys(inboxSection, {
  move: list.move,
  act: (does) => act(does, list.current()),
  help: () => help.showModal(),
});
find("gaps", HTMLElement).addEventListener("click", ({ target }) => {
  if (target instanceof HTMLButtonElement) void session?.reload();
});
find("older", HTMLButtonElement).addEventListener("click", () => void session?.older());
find("keys", HTMLButtonElement).addEventListener("click", () => help.showModal());
find("sign-out", HTMLButtonElement).addEventListener("click", () => leave(""));
const copying = find("copy-send-command", HTMLButtonElement);
copying.addEventListener("click", () => copy(find("send-command", HTMLElement).innerText, copying));
document.addEventListener("visibilitychange", changed);
setInterval(() => session?.expire(Date.now()), tickMs);

const kept = keptToken.read();
if (kept === null) signIn.ask("");
else begin(kept);
