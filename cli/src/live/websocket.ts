import type { IncomingMessage } from "node:http";
import type { ServerFrame } from "@carillon/protocol/frames";
import WebSocket from "ws";
import { endedWith } from "./closing.ts";
import { endedBy } from "./refusal.ts";
import { address, again, type Connecting, connectMs, type Ended, silenceMs } from "./transport.ts";

const largestFrameBytes = 4 << 20;

export const overWebSocket = (connecting: Connecting): Promise<Ended> =>
  new Promise((resolve) => {
    const url = address(connecting, "/v1/live").replace(/^http/, "ws");
    const socket = new WebSocket(url, "carillon.v1", {
      headers: { authorization: `Bearer ${connecting.token}` },
      handshakeTimeout: connectMs,
      maxPayload: largestFrameBytes,
      perMessageDeflate: false,
    });
    let quietMs = silenceMs;
    let silence = setTimeout(hush, quietMs);
    const end = (ended: Ended) => {
      clearTimeout(silence);
      connecting.signal.removeEventListener("abort", aborted);
      resolve(ended);
      socket.terminate();
    };
    const heard = () => silence.refresh();
    function hush() {
      end(again(`nothing was heard for ${quietMs / 1_000} s`));
    }
    function aborted() {
      end(connecting.signal.reason as Ended);
    }
    connecting.signal.addEventListener("abort", aborted);

    socket.on("open", () => connecting.speak((frame) => socket.send(JSON.stringify(frame))));
    socket.on("ping", heard);
    socket.on("message", (bytes) => {
      heard();
      const frame = JSON.parse(String(bytes)) as ServerFrame;
      if (frame.type === "hello") {
        quietMs = frame.heartbeatMs * 2;
        clearTimeout(silence);
        silence = setTimeout(hush, quietMs);
      }
      connecting.frame(frame);
    });
    socket.on("unexpected-response", (_request, response) => {
      void bodyOf(response).then((body) => end(endedBy(response.statusCode ?? 0, body)));
    });
    socket.on("error", (error) => end(again(error.message || "can't be reached")));
    socket.on("close", (code, reason) => end(endedWith(code, String(reason))));
  });

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response) {
    body += String(chunk);
    if (body.length > 65_536) break;
  }
  return body;
}
