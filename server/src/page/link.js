/**
 * One WebSocket, from its opening to its end. The token is said in the first frame, so that it is in no URL. A server
 * that says nothing for two heartbeats counts as gone.
 */

/** @import { ClientFrame, ServerFrame } from "@carillon/protocol/frames" */
/**
 * @typedef {{
 *   frame: (frame: ServerFrame) => void,
 *   ended: (code: number, reason: string) => void,
 *   passed: (direction: "in" | "out", text: string) => void,
 * }} LinkEvents
 */
/** @typedef {{ send: (frame: ClientFrame) => void, close: () => void }} Link */

const openingMs = 15_000;
const lost = 1_006;

/** @param {string} token @param {string | null} cursor @param {LinkEvents} events @returns {Link} */
export function openLink(token, cursor, events) {
  const url = new URL("/v1/live?cursors=true", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (cursor !== null) url.searchParams.set("cursor", cursor);
  const socket = new WebSocket(url, "carillon.v1");
  let silenceMs = openingMs;
  let isOver = false;
  let timer = 0;

  const end = (/** @type {number} */ code, /** @type {string} */ reason) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    socket.close();
    events.ended(code, reason);
  };
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => end(lost, "nothing was heard"), silenceMs);
  };
  const send = (/** @type {ClientFrame} */ frame) => {
    if (isOver || socket.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(frame);
    socket.send(text);
    events.passed("out", text);
  };

  socket.addEventListener("open", () => send({ type: "auth", token }));
  socket.addEventListener("message", ({ data }) => {
    if (isOver) return;
    listen();
    events.passed("in", data);
    /** @type {ServerFrame} */
    const frame = JSON.parse(data);
    if (frame.type === "hello") silenceMs = frame.heartbeatMs * 2;
    events.frame(frame);
  });
  socket.addEventListener("close", ({ code, reason }) => end(code, reason));
  listen();
  return {
    send,
    close() {
      isOver = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
