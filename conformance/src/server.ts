/** The server that sits the exam, as a producer sees it; and people and topics that nobody else has. */
import { randomBytes } from "node:crypto";
import type { Accepted, Batch, Status, Token } from "@carillon/protocol/answers";
import type { Receipt } from "@carillon/protocol/receipt";
import { expect } from "vitest";
import { eventually } from "./client/deadline.ts";
import { openSession } from "./client/open.ts";
import { type Answer, type Ask, request } from "./client/request.ts";
import type { Session, Transport, Wanted } from "./client/session.ts";
import type { Target } from "./target.ts";

export interface User {
  readonly id: string;
  readonly stream: string;
  readonly token: string;
}

export interface Server {
  readonly url: string;
  readonly key: string;
  /** A request with the API key, unless another credential is given. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  /**
   * Sends it. A receipt that says `accepted`, durable with its seq not yet known, has it here all the same: its status
   * is asked for until it is known. Of many in one request, that is so for the first 20.
   */
  send(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Whether this server answers before it knows a notification's place: `accepted`, where others say `stored`. */
  answersEarly(): Promise<boolean>;
  /** The status of a receipt. Who answers early may say `accepted` instead, and says it instead of `stored`. */
  says(status: "stored" | "duplicate"): Promise<unknown>;
  /** Sends one notification with these members and data for each value; all are stored when it resolves. */
  store(stream: string, data: readonly unknown[], members?: object): Promise<readonly Receipt[]>;
  status(id: string, stream: string): Promise<Answer & { readonly body: Status }>;
  takeBack(id: string, stream: string): Promise<Answer>;
  user(ttl?: string): Promise<User>;
  token(user: string, ttl?: string): Promise<string>;
  /** A topic, with these users for subscribers. */
  topic(...users: readonly User[]): Promise<string>;
  subscribe(topic: string, user: User): Promise<void>;
  unsubscribe(topic: string, user: User): Promise<void>;
  open(transport: Transport, wanted: Wanted): Session;
}

/** Where this exam's notifications come from. */
export const source = "/conformance";

/** A name that nobody has used. */
export const fresh = (kind = "c"): string => `${kind}-${randomBytes(9).toString("hex")}`;

/** 1 to `count`. */
export const numbers = (count: number, from = 1): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

const perRequest = 500;
const placesAsked = 20;

export function makeServer(target: () => Target): Server {
  let early: Promise<boolean> | undefined;

  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    server.ask("POST", "/v1/notifications", { body, headers });

  /** One that nobody looks at, to see how this server answers. */
  async function probe(): Promise<boolean> {
    const { body } = await post({ to: `user:${fresh()}`, source, id: fresh("n"), type: "test" });
    return (body as Accepted).receipts[0]!.status === "accepted";
  }

  async function placed(receipt: Receipt, { id, source: from }: Accepted): Promise<Receipt> {
    const seq = await eventually(`the place of ${id} in ${receipt.to}`, async () => {
      const { status, body } = await server.ask("GET", place(id, receipt.to, from));
      return status === 200 ? (body as Status).seq : null;
    });
    return { ...receipt, seq };
  }

  /** The last of each stream first: those before it are known by then. */
  async function withPlaces(answer: Answer): Promise<Answer> {
    const { results, receipts } = (answer.body ?? {}) as Partial<Batch & Accepted>;
    const told = (results ?? (receipts ? [answer.body] : [])) as readonly Partial<Accepted>[];
    const open = told.flatMap((result, item) =>
      (result.receipts ?? []).flatMap((receipt, at) =>
        receipt.status === "accepted" && receipt.durable !== false
          ? [{ result: result as Accepted, receipt, item, at }]
          : [],
      ),
    );
    if (open.length === 0) return answer;
    const last = new Map(open.map((one) => [one.receipt.to, one]));
    await Promise.all([...last.values()].map(({ receipt, result }) => placed(receipt, result)));
    const body = structuredClone(answer.body) as Partial<Batch & Accepted>;
    const into = (body.results ?? [body]) as { receipts: Receipt[] }[];
    await Promise.all(
      open.slice(0, placesAsked).map(async ({ receipt, result, item, at }) => {
        into[item]!.receipts[at] = await placed(receipt, result);
      }),
    );
    return { ...answer, body };
  }

  const server: Server = {
    get url() {
      return target().url;
    },
    get key() {
      return target().key;
    },
    ask: (method, path, ask = {}) =>
      request(method, `${server.url}${path}`, { credential: server.key, ...ask }),
    send: async (body, headers) => withPlaces(await post(body, headers)),

    answersEarly() {
      early ??= probe();
      return early;
    },

    async says(status) {
      if (!(await server.answersEarly())) return status;
      return status === "stored" ? "accepted" : expect.toBeOneOf([status, "accepted"]);
    },

    async store(stream, data, members = {}) {
      const receipts: Receipt[] = [];
      for (let at = 0; at < data.length; at += perRequest) {
        const items = data
          .slice(at, at + perRequest)
          .map((value) => ({ to: stream, source, id: fresh("n"), type: "test", data: value, ...members }));
        const { status, body } = await server.send(items);
        expect(status, JSON.stringify(body)).toBe(202);
        receipts.push(...(body as Batch).results.map((result) => (result as Accepted).receipts[0]!));
      }
      const stored = await server.says("stored");
      expect(receipts.map(({ status }) => status)).toEqual(data.map(() => stored));
      return receipts;
    },

    status: (id, stream) => server.ask("GET", place(id, stream)) as Promise<Answer & { body: Status }>,
    takeBack: (id, stream) => server.ask("DELETE", place(id, stream)),

    async user(ttl) {
      const id = fresh("user");
      return { id, stream: `user:${id}`, token: await server.token(id, ttl) };
    },

    async token(user, ttl = "1h") {
      const { status, body } = await server.ask("POST", `/v1/users/${user}/tokens`, { body: { ttl } });
      expect(status).toBe(201);
      return (body as Token).token;
    },

    async topic(...users) {
      const topic = fresh("topic");
      const { status } = await server.ask("PUT", `/v1/topics/${topic}`);
      expect(status).toBe(201);
      for (const user of users) await server.subscribe(topic, user);
      return topic;
    },

    async subscribe(topic, user) {
      const { status } = await server.ask("PUT", `/v1/topics/${topic}/subscribers/${user.id}`);
      expect(status).toBe(204);
    },

    async unsubscribe(topic, user) {
      const { status } = await server.ask("DELETE", `/v1/topics/${topic}/subscribers/${user.id}`);
      expect(status).toBe(204);
    },

    open: (transport, wanted) => openSession(transport, server.url, wanted),
  };
  return server;
}

const place = (id: string, to: string, from = source): string =>
  `/v1/notifications/${encodeURIComponent(id)}?${new URLSearchParams({ source: from, to })}`;
