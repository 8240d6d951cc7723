import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
let port = 0;
beforeAll(async () => {
  stage = await openStage();
  await stage.app.listen({ host: "127.0.0.1", port: 0 });
  port = (stage.app.server.address() as AddressInfo).port;
  await stage.ask("PUT", "/v1/topics/builds");
});
afterAll(() => stage.close());

/** As it is written: whoever parses a URL first would have made another of it. */
function statusOf(path: string, authorization = stage.authorization): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, headers: { authorization }, agent: false } as const;
    const asked = request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe("a path is taken as it is, and leads to one resource", () => {
  test.each([
    ["dots that climb", "/v1/topics/../topics/builds"],
    ["dots that climb, encoded", "/v1/topics/%2e%2e/topics/builds"],
    ["dots that climb, encoded twice", "/v1/topics/%252e%252e/builds"],
    ["a slash in a name, encoded", "/v1/topics/builds%2Fsubscribers"],
    ["a backslash", "/v1/topics\\builds"],
    ["a NUL", "/v1/topics/builds%00"],
    ["a line break", "/v1/topics/builds%0d%0aX-Evil:%201"],
    ["two slashes", "//v1/topics/builds"],
    ["a slash too many", "/v1/topics/builds/"],
    ["another case", "/V1/Topics/builds"],
    ["parameters in the path", "/v1/topics/builds;admin=1"],
    ["a full-width slash", "/v1/topics/builds%EF%BC%8Fsubscribers"],
    ["bytes that are no UTF-8", "/v1/topics/%ff"],
    ["an overlong slash", "/v1/topics/builds%c0%af"],
    ["a file", "/v1/topics/..%2f..%2f..%2fetc%2fpasswd"],
  ])("%s: nothing is served", async (_, url) => {
    const status = await statusOf(url);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  test("the same name, encoded without need, is the same topic and asks for the same key", async () => {
    expect(await statusOf("/v1/topics/%62uilds")).toBe(200);
    const authorization = await stage.key({ scopes: ["send"] });
    expect(await statusOf("/v1/topics/%62uilds", authorization)).toBe(403);
  });
});

test("no header of a request is written into an answer but a request id that can stand there", async () => {
  const headers = { "x-request-id": "a\u00e9b", origin: "https://evil.example", "x-evil": "1" };
  const answer = await stage.ask("GET", "/v1/topics/builds");
  const asked = await stage.inject({ method: "GET", url: "/v1/topics/builds", headers });
  expect(Object.keys(asked.headers).sort()).toEqual(Object.keys(answer.headers).sort());
  expect(asked.headers["x-request-id"]).not.toBe(headers["x-request-id"]);
});
