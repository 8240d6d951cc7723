/** Which topics are followed; following and leaving. What is refused is said in the server's words. */
import { cut } from "./content.js";
import { find, make, makeButton, say } from "./elements.js";
import { ask } from "./requests.js";

/** @import { Problem } from "./requests.js" */
/** @typedef {{ refresh: () => void, clear: () => void }} Topics */

/** @param {() => string | null} token @param {(text: string) => void} announce @returns {Topics} */
export function makeTopics(token, announce) {
  const list = find("topics-list", HTMLUListElement);
  const none = find("topics-none", HTMLElement);
  const form = find("topics-form", HTMLFormElement);
  const name = find("topics-name", HTMLInputElement);
  const error = find("topics-error", HTMLElement);
  let asked = 0;

  const refuse = (/** @type {Problem} */ { title, detail }) => {
    name.ariaInvalid = "true";
    say(error, detail === "" ? `${title}.` : `${title}: ${cut(detail, 300)}.`);
  };
  const excuse = () => {
    name.ariaInvalid = null;
    say(error, "");
  };

  async function refresh() {
    const own = token();
    if (own === null) return;
    asked += 1;
    const turn = asked;
    /** @type {import("./requests.js").Answer<{ subscriptions: { topic: string }[] }>} */
    const answer = await ask(own, "GET", "/v1/subscriptions");
    if (turn !== asked || own !== token()) return;
    if (!answer.ok) return;
    show(answer.value.subscriptions.map(({ topic }) => topic));
  }

  const show = (/** @type {readonly string[]} */ topics) => {
    const focused = document.activeElement;
    const hadFocus = list.contains(focused);
    list.replaceChildren(...topics.map(rowOf));
    none.hidden = topics.length > 0;
    if (hadFocus) name.focus();
  };

  const rowOf = (/** @type {string} */ topic) => {
    const leave = makeButton("Unfollow", "leave");
    leave.setAttribute("aria-label", `Unfollow ${topic}`);
    leave.dataset["topic"] = topic;
    return make("li", "", make("bdi", "", topic), leave);
  };

  /** @param {"PUT" | "DELETE"} method @param {string} topic */
  async function change(method, topic) {
    const own = token();
    if (own === null) return;
    excuse();
    const answer = await ask(own, method, `/v1/subscriptions/${encodeURIComponent(topic)}`);
    if (!answer.ok) return refuse(answer.problem);
    if (method === "PUT") form.reset();
    announce(method === "PUT" ? `You follow ${topic} now.` : `You don't follow ${topic} any more.`);
    await refresh();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const topic = name.value.trim().replace(/^topic:/, "");
    if (topic !== "") void change("PUT", topic);
  });
  list.addEventListener("click", ({ target }) => {
    const topic = target instanceof HTMLElement ? target.dataset["topic"] : undefined;
    if (topic !== undefined) void change("DELETE", topic);
  });

  return {
    refresh: () => void refresh(),
    clear() {
      asked += 1;
      form.reset();
      excuse();
      show([]);
    },
  };
}
