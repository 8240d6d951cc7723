// The page's files as they are served: fixed at the start, guarded by their headers, asked about again each time.
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { servesPage } from "../../src/http/page.ts";
import { openStage, type Stage } from "./stage.ts";

const folder = new URL("../../src/page/", import.meta.url);
const served = readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name));
let stage: Stage;
let port = 0;

beforeAll(async () => {
  stage = await openStage();
  await stage.app.listen({ host: "127.0.0.1", port: 0 });
  port = (stage.app.server.address() as AddressInfo).port;
});
afterAll(() => stage.close());

const get = (url: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" | "POST" = "GET") =>
  stage.app.inject({ method, url, headers });

/** With the path as it stands here: whoever parses a URL first would have made another of it. */
function rawStatus(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("without being told, it is on for a server of its own, and off where a store is shared", () => {
  expect([servesPage("auto", false), servesPage("auto", true)]).toEqual([true, false]);
  expect([servesPage("on", true), servesPage("off", false)]).toEqual([true, false]);
});

describe("the page", () => {
  test("is served at / to anybody, and runs nothing but its own files", async () => {
    const answer = await get("/");
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe(readFileSync(new URL("index.html", folder), "utf8"));
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
    const policy = String(answer.headers["content-security-policy"]);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
  });

  test("has no script and no style in its HTML, which the policy would refuse", () => {
    const html = readFileSync(new URL("index.html", folder), "utf8");
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]* src=)/i);
  });

  test("names no file that isn't served, and no other host", async () => {
    const html = readFileSync(new URL("index.html", folder), "utf8");
    const named = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!);
    const imported = served.flatMap((name) =>
      [...readFileSync(new URL(name, folder), "utf8").matchAll(/from "\.\/([^"]+)"/g)].map(
        ([, file]) => `/page/${file}`,
      ),
    );
    expect(named.length).toBeGreaterThan(3);
    for (const path of new Set([...named, ...imported])) expect((await get(path)).statusCode, path).toBe(200);
  });

  test.each(served)("%s has the same headers", async (name) => {
    const answer = await get(`/page/${name}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe(readFileSync(new URL(name, folder), "utf8"));
    expect(answer.headers["content-type"]).toMatch(
      /^(text\/(javascript|css); charset=utf-8|image\/svg\+xml)$/,
    );
    expect(answer.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("default-src 'none'"),
    });
  });

  test("HEAD is GET without the body", async () => {
    const [head, got] = [await get("/", {}, "HEAD"), await get("/")];
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe("");
    expect(head.headers["etag"]).toBe(got.headers["etag"]);
    expect(head.headers["content-length"]).toBe(got.headers["content-length"]);
  });

  test("what is known is not sent again, by whatever list it is named", async () => {
    const etag = String((await get("/page/main.js")).headers["etag"]);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const answer = await get("/page/main.js", { "if-none-match": known });
      expect(answer.statusCode, known).toBe(304);
      expect(answer.body).toBe("");
      expect(answer.headers).toMatchObject({ etag, "cache-control": "no-cache" });
    }
    expect((await get("/page/main.js", { "if-none-match": '"other"' })).statusCode).toBe(200);
  });

  test("other methods are refused with what is allowed", async () => {
    const answer = await get("/", {}, "POST");
    expect(answer.statusCode).toBe(405);
    expect(answer.headers["allow"]).toBe("GET, HEAD");
  });

  test.each([
    "/page",
    "/page/",
    "/page/index.html",
    "/page/tsconfig.json",
    "/page/places.test.ts",
    "/page/../package.json",
    "/page/..%2fpackage.json",
    "/page/%2e%2e/package.json",
    "/page/..\\package.json",
    "/page/main.js/",
    "/page/main.js%00",
    "/page//main.js",
    "//page/main.js",
    "/page/MAIN.JS",
    "/index.html",
    "/favicon.ico",
  ])("%s: nothing is served", async (path) => {
    const status = await rawStatus(path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });
});
