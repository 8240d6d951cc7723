import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
let admin: string;
beforeAll(async () => {
  stage = await openStage();
  admin = await stage.key({ name: "root", scopes: ["admin"] });
});
afterAll(() => stage.close());

const issue = (user: string) => stage.tokens.issue(user, 3_600_000);
const codeOf = async (token: string) => {
  const headers = { authorization: `Bearer ${token}` };
  return (await stage.inject({ method: "GET", url: "/v1/unread", headers })).json().code ?? "good";
};
const revoke = (user: string, payload: object) => stage.ask("POST", `/v1/users/${user}/revocations`, payload);
const asAdmin = (method: "GET" | "POST" | "DELETE", payload?: object) =>
  stage.inject({
    method,
    url: "/v1/revocations",
    headers: { authorization: admin },
    ...(payload && { payload }),
  });
const ahead = (ms: number) => new Date(Date.now() + ms).toISOString();

test("a token that was revoked by its id is refused, and no other of the user", async () => {
  const [one, other] = [issue("by-id"), issue("by-id")];
  const answer = await revoke("by-id", { jti: one.id });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toEqual({ user: "by-id", jti: one.id, until: expect.any(String) });
  expect(await codeOf(one.token)).toBe("token-revoked");
  expect(await codeOf(other.token)).toBe("good");
  expect(stage.revoked).toContain("by-id");
});

test("all tokens of a user until now are refused, and none that is issued behind it", async () => {
  const [before, another] = [issue("whole"), issue("another")];
  const answer = await revoke("whole", {});
  expect(answer.json()).toMatchObject({ user: "whole", issuedBefore: expect.any(String) });
  expect(await codeOf(before.token)).toBe("token-revoked");
  expect(await codeOf(another.token)).toBe("good");
  // The clock moves on by a millisecond at least.
  while (Date.now() < Date.parse(answer.json().issuedBefore)) await new Promise(setImmediate);
  expect(await codeOf(issue("whole").token)).toBe("good");
});

test("a time in the past takes the tokens before it alone, and no earlier time takes its place", async () => {
  const { token } = issue("timed");
  await revoke("timed", { issuedBefore: ahead(-60_000) });
  expect(await codeOf(token)).toBe("good");
  const kept = (await revoke("timed", { issuedBefore: ahead(-120_000) })).json();
  expect(Date.parse(kept.issuedBefore)).toBeGreaterThan(Date.now() - 90_000);
});

test("everybody's tokens are revoked by time, and given back", async () => {
  const { token } = issue("anybody");
  expect((await asAdmin("POST", {})).statusCode).toBe(201);
  expect(await codeOf(token)).toBe("token-revoked");
  expect((await asAdmin("GET")).json().revocations).toEqual([
    { issuedBefore: expect.any(String), until: expect.any(String) },
  ]);
  expect((await asAdmin("DELETE")).statusCode).toBe(204);
  expect(await codeOf(token)).toBe("good");
  expect((await asAdmin("DELETE")).json().code).toBe("revocation-not-found");
});

test("revocations are listed and withdrawn one by one", async () => {
  const { token, id } = issue("listed");
  await revoke("listed", { jti: id });
  await revoke("listed", { issuedBefore: ahead(-1_000) });
  const url = "/v1/users/listed/revocations";
  expect((await stage.ask("GET", url)).json().revocations).toHaveLength(2);
  expect((await stage.ask("DELETE", `${url}?jti=${id}`)).statusCode).toBe(204);
  expect(await codeOf(token)).toBe("good");
  expect((await stage.ask("DELETE", url)).statusCode).toBe(204);
  expect((await stage.ask("GET", url)).json()).toEqual({ revocations: [] });
});

test("a revocation lives as long as a token can, and no longer", async () => {
  const { until, issuedBefore } = (await revoke("bounded", {})).json();
  const lived = Date.parse(until) - Date.parse(issuedBefore);
  expect(lived).toBeGreaterThanOrEqual(86_400_000);
  expect(lived).toBeLessThan(86_400_000 + 60_000);
});

describe("what is no revocation", () => {
  test.each([
    ["a time ahead", { issuedBefore: ahead(60_000) }],
    ["no time", { issuedBefore: "yesterday" }],
    ["no day", { issuedBefore: "2026-02-30T00:00:00Z" }],
    ["both", { jti: "a", issuedBefore: ahead(-1_000) }],
    ["an empty id", { jti: "" }],
    ["an endless id", { jti: "x".repeat(257) }],
    ["something else", { user: "other" }],
  ])("%s", async (_, payload) => {
    expect((await revoke("wrong", payload)).json().code).toBe("body-invalid");
  });

  test("everybody's by id", async () => {
    expect((await asAdmin("POST", { jti: "a" })).json().code).toBe("body-invalid");
  });
});

test("a user's are for the scope users, everybody's for admin alone", async () => {
  const headers = { authorization: await stage.key({ scopes: ["send", "topics", "admin"] }) };
  const users = await stage.inject({ method: "POST", url: "/v1/users/a/revocations", headers, payload: {} });
  expect(users.json().code).toBe("forbidden");
  expect((await stage.ask("POST", "/v1/revocations", {})).json().code).toBe("forbidden");
});
