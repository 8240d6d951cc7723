import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
let admin: string;
beforeAll(async () => {
  stage = await openStage({ mostKeys: 12 });
  admin = await stage.key({ name: "root", scopes: ["admin"] });
});
afterAll(() => stage.close());

const ask = (method: "GET" | "POST" | "DELETE", url: string, payload?: object, authorization = admin) =>
  stage.inject({ method, url, headers: { authorization }, ...(payload === undefined ? {} : { payload }) });
const wanted = (name: string, more: object = {}) => ({
  name,
  scopes: ["send"],
  sources: ["/bound/*"],
  ...more,
});
const create = async (name: string, more?: object) =>
  (await ask("POST", "/v1/keys", wanted(name, more))).json() as { readonly secret: string };
const send = (secret: string, source: string) =>
  stage.post({ to: "user:1", type: "t", source }, { authorization: `Bearer ${secret}` });

test("keys are for the scope admin alone", async () => {
  const authorization = await stage.key({ scopes: ["send", "topics", "users"] });
  for (const answer of [
    await ask("POST", "/v1/keys", wanted("x"), authorization),
    await ask("GET", "/v1/keys", undefined, authorization),
    await ask("DELETE", "/v1/keys/root", undefined, authorization),
  ]) {
    expect(answer.json().code).toBe("forbidden");
  }
});

test("a new key works within its scopes and sources, and no further", async () => {
  const answer = await ask("POST", "/v1/keys", wanted("bound"));
  expect(answer.statusCode).toBe(201);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.json()).toEqual({
    ...wanted("bound"),
    created: expect.any(String),
    secret: expect.stringMatching(/^ck_[\w-]{43}$/),
  });
  const { secret } = answer.json();
  expect((await send(secret, "/bound/a")).statusCode).toBe(202);
  expect((await send(secret, "/shop")).json().code).toBe("source-forbidden");
  expect((await ask("GET", "/v1/topics", undefined, `Bearer ${secret}`)).json().code).toBe("forbidden");
});

test("a withdrawn key opens nothing at once, although it was known; its name is free again", async () => {
  const { secret } = await create("brief");
  expect((await send(secret, "/bound/a")).statusCode).toBe(202);
  expect((await ask("DELETE", "/v1/keys/brief")).statusCode).toBe(204);
  const refused = await send(secret, "/bound/a");
  expect(refused.statusCode).toBe(401);
  expect(refused.json().code).toBe("key-invalid");
  expect((await ask("DELETE", "/v1/keys/brief")).json().code).toBe("key-not-found");
  const again = await create("brief");
  expect(again.secret).not.toBe(secret);
  expect((await send(secret, "/bound/a")).statusCode).toBe(401);
});

test("the list has neither secrets nor hashes", async () => {
  const { secret } = await create("listed", { ttl: "90d" });
  const answer = await ask("GET", "/v1/keys");
  const listed = answer.json().keys.find(({ name }: { name: string }) => name === "listed");
  expect(listed).toEqual({ ...wanted("listed"), created: expect.any(String), expires: expect.any(String) });
  expect(Date.parse(listed.expires) - Date.parse(listed.created)).toBe(90 * 86_400_000);
  expect(answer.body).not.toContain(secret.slice(3));
  for (const { hash } of await stage.store.access.listKeys()) expect(answer.body).not.toContain(hash);
});

test("nobody locks themselves out", async () => {
  expect((await ask("DELETE", "/v1/keys/root")).json().code).toBe("key-in-use");
  expect((await ask("GET", "/v1/keys")).statusCode).toBe(200);
});

test.each([
  [{ name: "" }, "/name"],
  [{ name: "a b" }, "/name"],
  [{ name: "x".repeat(65) }, "/name"],
  [{ scopes: [] }, "/scopes"],
  [{ scopes: ["send", "send"] }, "/scopes"],
  [{ scopes: ["all"] }, "/scopes/0"],
  [{ sources: [] }, "/sources"],
  [{ sources: Array(65).fill("/a") }, "/sources"],
  [{ sources: [""] }, "/sources/0"],
  [{ sources: ["x".repeat(257)] }, "/sources/0"],
  [{ sources: ["a\u001b"] }, "/sources/0"],
  [{ ttl: "soon" }, "/ttl"],
  [{ secret: "own" }, "/secret"],
])("%j is refused with its place", async (more, pointer) => {
  const answer = await ask("POST", "/v1/keys", wanted("wrong", more));
  expect(answer.json()).toMatchObject({ code: "body-invalid", errors: [{ pointer }] });
});

test("there are no more than allowed, however many are asked for at once", async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) => ask("POST", "/v1/keys", wanted(`m-${i}`))),
  );
  expect(await stage.store.access.listKeys()).toHaveLength(12);
  expect(answers.at(-1)!.json().code).toBe("keys-too-many");
});
