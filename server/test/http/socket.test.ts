import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
let port = 0;
beforeAll(async () => {
  stage = await openStage({
    limits: { headersMs: 500, requestMs: 1_000, bodyBytes: 100_000, bodiesBytes: 150_000 },
  });
  await stage.app.listen({ port: 0, host: "127.0.0.1" });
  port = (stage.app.server.address() as AddressInfo).port;
});
afterAll(() => stage.close());

/** Everything that comes back until the server closes. */
const say = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.on("close", () => resolve(heard));
    socket.on("error", reject);
  });

const problemIn = (answer: string) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));

test.each([
  ["headers-too-large", `GET /v1/topics HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ["parameter-invalid", "what is this\r\n\r\n", 400],
  ["parameter-invalid", "GET /v1/topics HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  ["request-timeout", "GET /v1/topics HTTP/1.1\r\nHost: a\r\n", 408],
])("%s is answered as problem details: %#", async (code, text, status) => {
  const answer = await say(text);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer.toLowerCase()).toContain("content-type: application/problem+json\r\n");
  expect(problemIn(answer)).toMatchObject({ code, status });
});

test("a body that doesn't arrive in time ends its connection with 408", async () => {
  const head = `POST /v1/notifications HTTP/1.1\r\nHost: a\r\nAuthorization: ${stage.authorization}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;
  const answer = await say(head);
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(problemIn(answer).code).toBe("request-timeout");
});

test("an expectation that isn't known is passed over", async () => {
  const answer = await say(
    "GET /v1/nothing HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nConnection: close\r\n\r\n",
  );
  expect(problemIn(answer).code).toBe("route-not-found");
});

test("all bodies together are bounded, and what is done makes room again", async () => {
  const head = (more: string) =>
    `POST /v1/notifications HTTP/1.1\r\nHost: a\r\nAuthorization: ${stage.authorization}\r\nContent-Type: application/json\r\n${more}\r\n`;
  const slow = connect(port, "127.0.0.1");
  await new Promise<void>((resolve) => {
    stage.app.server.once("request", () => resolve());
    slow.write(head("Transfer-Encoding: chunked\r\n"));
  });
  const refused = await say(`${head("Content-Length: 60000\r\nConnection: close\r\n")}`);
  expect(problemIn(refused)).toMatchObject({ code: "overloaded", status: 503 });
  expect(refused.toLowerCase()).toContain("retry-after: 1\r\n");
  await new Promise<void>((resolve) => {
    slow.once("close", () => resolve());
    slow.resume();
  });
  const body = JSON.stringify({ to: "user:1", type: "t", data: "x".repeat(59_000) });
  const answer = await say(`${head(`Content-Length: ${body.length}\r\nConnection: close\r\n`)}${body}`);
  expect(answer).toMatch(/^HTTP\/1.1 202 /);
});

test("bodies of those who leave while their key is looked up take nothing", async () => {
  const authorization = await stage.key();
  const { access } = stage.store;
  const { findKey } = access;
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  Object.assign(access, {
    async findKey(hash: string) {
      asked.resolve();
      await gate.promise;
      return findKey(hash);
    },
  });
  const head = (more: string) =>
    `POST /v1/notifications HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n${more}\r\n`;
  const ended = new Promise<void>((resolve) => {
    stage.app.server.once("request", (_, response) => response.once("close", resolve));
  });
  const leaver = connect(port, "127.0.0.1", () => leaver.write(head("Content-Length: 90000\r\n")));
  await asked.promise;
  leaver.destroy();
  await ended;
  gate.resolve();
  Object.assign(access, { findKey });
  const body = JSON.stringify({ to: "user:1", type: "t", data: "x".repeat(89_000) });
  const refused = await say(`${head(`Content-Length: ${body.length}\r\nConnection: close\r\n`)}${body}`);
  expect(problemIn(refused).code).toBe("notification-too-large");
});
