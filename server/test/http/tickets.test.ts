import { afterAll, beforeAll, expect, test } from "vitest";
import { openTickets, ticketMs } from "../../src/access/tickets.ts";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const key = Buffer.alloc(32, 7);
const at = { now: Date.now() };
/** Those of another process over the same store, with a clock of its own. */
const another = (signingKeys = [key]) =>
  openTickets(stage.store.access, { signingKeys }, { now: () => at.now }, () => {});
const make = async (user: string) => {
  const headers = { authorization: `Bearer ${stage.tokens.issue(user, 3_600_000).token}` };
  return stage.inject({ method: "POST", url: "/v1/tickets", headers });
};
const ticketOf = async (user: string): Promise<string> => (await make(user)).json().ticket;

test("a ticket is made with a user's token, and kept by nobody", async () => {
  const answer = await make("42");
  expect(answer.statusCode).toBe(201);
  expect(answer.headers["cache-control"]).toBe("no-store");
  const { ticket, expires } = answer.json();
  expect(ticket).toMatch(/^ct_[\w-]+\.[\w-]{43}$/);
  expect(Math.abs(Date.parse(expires) - Date.now() - ticketMs)).toBeLessThan(5_000);
  const noToken = await stage.ask("POST", "/v1/tickets");
  expect(noToken.json().code).toBe("token-invalid");
});

test("a ticket is good once, on whatever node it comes first", async () => {
  const ticket = await ticketOf("once");
  expect(await another().use(ticket)).toMatchObject({
    kind: "client",
    user: "once",
    tokenId: expect.any(String),
  });
  expect(await stage.tickets.use(ticket)).toBeNull();
  expect(await another().use(ticket)).toBeNull();

  const contested = await ticketOf("contested");
  const used = await Promise.all([stage, stage, stage].map(({ tickets }) => tickets.use(contested)));
  expect(used.filter((client) => client !== null)).toHaveLength(1);
});

test("a ticket is no use after a minute, and ends with its token", async () => {
  const old = await ticketOf("late");
  at.now = Date.now() + ticketMs + 1;
  expect(await another().use(old)).toBeNull();
  at.now = Date.now();
  const client = { kind: "client", user: "short", issuedAt: at.now, tokenId: null } as const;
  const { expiresAt } = another().issue({ ...client, expiresAt: at.now + 5_000 });
  expect(expiresAt).toBe(at.now + 5_000);
});

test("a forged ticket asks the store for nothing", async () => {
  const ticket = await ticketOf("forged");
  const [said, signature] = ticket.split(".") as [string, string];
  const root = Buffer.from(
    Buffer.from(said.slice(3), "base64url").toString().replace("forged", "root00"),
  ).toString("base64url");
  const token = stage.tokens.issue("forged", 60_000).token;
  let asked = 0;
  const counting = { useTicket: async () => ++asked > 0 };
  const { use } = openTickets(counting, { signingKeys: [key] }, { now: Date.now }, () => {});
  for (const forged of [`ct_${root}.${signature}`, `${said}.${"A".repeat(43)}`, said, token, "", "ct_."])
    expect(await use(forged), forged).toBeNull();
  expect(asked).toBe(0);
  expect(await another([Buffer.alloc(32, 8)]).use(ticket)).toBeNull();
  expect(await another([Buffer.alloc(32, 8), key]).use(ticket)).not.toBeNull();
});

test("a ticket is no token, and opens nothing but a live connection", async () => {
  const ticket = await ticketOf("url");
  const headers = { authorization: `Bearer ${ticket}` };
  const asToken = await stage.inject({ method: "GET", url: "/v1/unread", headers });
  expect(asToken.json().code).toBe("token-invalid");
  const inUrl = await stage.app.inject({ method: "GET", url: `/v1/unread?ticket=${ticket}` });
  expect(inUrl.json().code).toBe("unauthenticated");
});
