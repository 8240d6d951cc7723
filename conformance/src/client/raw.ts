/** Requests that a well-behaved client doesn't make. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { within } from "./deadline.ts";

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** Promises a body in its headers and sends none. */
export function requestWithoutBody(
  method: string,
  url: string,
  headers: Record<string, string | number>,
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const outgoing = send(url, { method, headers, agent: false }, async (response) => {
    let text = "";
    for await (const chunk of response) text += chunk;
    outgoing.destroy();
    resolve({ status: response.statusCode ?? 0, text });
  });
  outgoing.on("error", reject);
  outgoing.flushHeaders();
  return within(promise, () => `no answer to ${method} ${url}`);
}

/** Sends these bytes and resolves with everything that comes until the server closes. */
export function sayBytes(url: string, bytes: string): Promise<string> {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === "https:";
  const where = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (secure ? 443 : 80)) };
  const socket = secure ? connectTls(where) : connect(where);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("close", () => resolve(text));
  socket.on("error", reject);
  socket.write(bytes);
  return within(promise, () => `the server doesn't close; it said ${text}`).finally(() => socket.destroy());
}
