/** Sections 1 and 9: whatever goes wrong is a problem. (The client holds every error to that; here are the odd ones.) */
import { describe, expect, test } from "vitest";
import { requestWithoutBody, sayBytes } from "./client/raw.ts";
import { fresh, numbers, type Server } from "./server.ts";

export function problems(server: Server): void {
  test.each([
    ["a path that nobody serves", "GET", "/v1/nothing", 404, "route-not-found"],
    ["no such path", "GET", "/v1/", 404, "route-not-found"],
    ["a version that isn't", "POST", "/v9/notifications", 404, "route-not-found"],
    ["a path that is not percent-encoded", "GET", "/v1/topics/%zz", 400, "parameter-invalid"],
    ["a path that is no UTF-8", "GET", "/v1/topics/%ff", 400, "parameter-invalid"],
    ["a name that is far too long", "GET", `/v1/topics/${"t".repeat(5_000)}`, 414, "url-too-long"],
  ])("%s", async (_, method, path, status, code) => {
    expect(await server.ask(method, path)).toMatchObject({ status, body: { code } });
  });

  test("a method that isn't served comes with those that are", async () => {
    for (const [method, path, allowed] of [
      ["GET", "/v1/notifications", "POST"],
      ["PATCH", `/v1/topics/${fresh()}/subscribers`, "PUT"],
      ["DELETE", "/v1/poll", "GET"],
    ] as const) {
      const { status, headers, body } = await server.ask(method, path);
      expect({ status, body }).toMatchObject({ status: 405, body: { code: "method-not-allowed" } });
      expect(headers.get("allow")?.split(", ")).toContain(allowed);
    }
  });

  test("headers that are far too large", async () => {
    const headers = Object.fromEntries(numbers(60).map((at) => [`x-much-${at}`, "m".repeat(1_000)]));
    const { status, text } = await requestWithoutBody("GET", `${server.url}/v1/topics`, headers);
    expect(status).toBe(431);
    expect(JSON.parse(text)).toMatchObject({ code: "headers-too-large", status: 431 });
  });

  test.each([
    ["no HTTP", "what is this?\r\n\r\n"],
    ["no Host", "GET /v1/topics HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["two lengths", "POST /v1/ack HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  ])("%s: 400, as a problem", async (_, bytes) => {
    const [head, body] = (await sayBytes(server.url, bytes)).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(head).toMatch(/^content-type: application\/problem\+json\r?$/im);
    expect(JSON.parse(body!.replace(/^[0-9a-f]+\r\n/, "").replace(/\r\n0$/, ""))).toMatchObject({
      status: 400,
    });
  });

  describe("a request's id", () => {
    test("is the request's own, where it gave one", async () => {
      const id = "Az09._~+/=:-".repeat(10);
      for (const path of ["/v1/topics?limit=1", "/v1/nothing"]) {
        const { headers } = await server.ask("GET", path, { headers: { "x-request-id": id } });
        expect(headers.get("x-request-id")).toBe(id);
      }
    });

    test("is another where that can't be one", async () => {
      for (const id of ["a b", "x".repeat(129), '"quoted"', "a,b"]) {
        const { headers } = await server.ask("GET", "/v1/topics?limit=1", {
          headers: { "x-request-id": id },
        });
        expect(headers.get("x-request-id")).not.toBe(id);
      }
    });
  });
}
