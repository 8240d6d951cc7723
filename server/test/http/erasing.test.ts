import { afterAll, beforeAll, expect, test } from "vitest";
import { hashOfUser } from "../../src/store/erasing.ts";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const codeOf = async (token: string) => {
  const headers = { authorization: `Bearer ${token}` };
  return (await stage.inject({ method: "GET", url: "/v1/unread", headers })).json().code ?? "good";
};

test("tokens of before are refused by a revocation that doesn't name the user, and later ones are good", async () => {
  const { token, id } = stage.tokens.issue("erin", 3_600_000);
  await stage.ask("POST", "/v1/users/erin/revocations", { jti: id });
  const another = stage.tokens.issue("frank", 3_600_000).token;
  expect((await stage.ask("DELETE", "/v1/users/erin")).statusCode).toBe(204);
  expect(await codeOf(token)).toBe("token-revoked");
  expect(await codeOf(another)).toBe("good");
  expect((await stage.ask("GET", "/v1/users/erin/revocations")).json()).toEqual({ revocations: [] });
  const kept = await stage.store.access.revocations(null, 1_000);
  expect(kept.map(({ user }) => user)).toContain(hashOfUser("erin"));
  expect(JSON.stringify(kept)).not.toContain("erin");
  expect(await codeOf(stage.tokens.issue("erin", 3_600_000).token)).toBe("good");
});

test("what would take longer than a moment is answered with 202, and upkeep ends it", async () => {
  for (let at = 0; at < 100; at++) {
    const items = Array.from({ length: 1_000 }, () => ({ to: "user:large", source: "/shop", type: "t" }));
    if ((await stage.ask("POST", "/v1/notifications", items)).statusCode !== 202) throw new Error("not sent");
  }
  const answer = await stage.ask("DELETE", "/v1/users/large");
  expect([202, 204]).toContain(answer.statusCode);
  expect((await stage.ask("GET", "/v1/users/large")).json()).toMatchObject({ unread: 0 });
  while (!(await stage.store.people.continueErasing(10_000)).done);
  expect((await stage.ask("DELETE", "/v1/users/large")).statusCode).toBe(204);
});

test("a key without the scope, and the user's own token, erase nobody", async () => {
  await stage.ask("PUT", "/v1/users/kept/state", { plan: "pro" });
  for (const [authorization, code] of [
    [await stage.key({ scopes: ["send", "topics", "admin"] }), "forbidden"],
    [`Bearer ${stage.tokens.issue("kept", 60_000).token}`, "key-invalid"],
  ] as const) {
    const answer = await stage.inject({
      method: "DELETE",
      url: "/v1/users/kept",
      headers: { authorization },
    });
    expect(answer.json().code).toBe(code);
  }
  expect((await stage.ask("GET", "/v1/users/kept/state")).json().version).toBe(1);
});
