/**
 * Anything at all over the wire: the process stays, answers with problems, and never with a bug of its own. What
 * breaks is shrunk by fast-check to the least that does.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import fc from "fast-check";
import { expect } from "vitest";
import { type Answer, ask } from "./ask.ts";
import type { ServerProcess } from "./server-process.ts";
import { openRawWebSocket } from "./transports/raw-websocket.ts";
import { clientFrame } from "./transports/websocket-frames.ts";

export interface Fuzzed {
  readonly server: ServerProcess;
  readonly token: string;
  readonly runs: number;
}

/** An answer that a client can work with: of a request that was good, or a problem that says what was not. */
function expectGood(answer: Answer | null): void {
  // Null: the connection was closed on something that was no HTTP.
  if (answer === null) return;
  expect(answer.status, answer.text).toBeLessThan(500);
  if (answer.status < 400) return;
  expect(answer.headers["content-type"], answer.text).toBe("application/problem+json");
  const { type, code, status } = answer.json as Record<string, unknown>;
  expect({ type, status }).toEqual({ type: `urn:carillon:problem:${code}`, status: answer.status });
}

async function expectAlive({ operationsUrl, child }: ServerProcess): Promise<void> {
  expect((await ask(`${operationsUrl}/livez`))?.status).toBe(200);
  expect(child.exitCode).toBeNull();
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom("", "user:ada", "topic:", "2026-01-31T09:30:00Z", "10m", 2 ** 53, -0, 1e308),
);
const memberNames = [
  "to",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "data",
  "data_base64",
  "datacontenttype",
  "dataschema",
  "expires",
  "collapseKey",
  "silent",
  "ephemeral",
  "receipt",
  "specversion",
  "expirytime",
  "__proto__",
];

/** A notification that is good, but for a few members. */
const nearlyGood = fc
  .dictionary(fc.constantFrom(...memberNames), value, { maxKeys: 4 })
  .map((wrong) => ({ to: "user:fuzz", source: "/fuzz", type: "t", ...wrong }));

const contentTypes = fc.constantFrom(
  "application/json",
  "application/x-ndjson",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "text/plain",
  "application/xml",
  "",
  "application/json; charset=latin1",
  "/",
);
const headerValue = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, "?").trim());
const headers = fc.dictionary(
  fc.constantFrom(
    "idempotency-key",
    "ce-specversion",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-to",
    "ce-time",
    "content-encoding",
    "accept",
    "x-request-id",
    "last-event-id",
    "origin",
    "expect",
    "upgrade",
    "range",
  ),
  headerValue,
  { maxKeys: 5 },
);

const body = fc.oneof(
  bytes,
  fc.json({ maxDepth: 5 }).map((text) => Buffer.from(text)),
  nearlyGood.map((one) => Buffer.from(JSON.stringify(one))),
  fc.array(nearlyGood, { maxLength: 4 }).map((batch) => Buffer.from(JSON.stringify(batch))),
  fc
    .array(nearlyGood, { maxLength: 4 })
    .map((batch) => Buffer.from(batch.map((one) => JSON.stringify(one)).join("\n"))),
);

export async function fuzzBodies({ server, runs }: Fuzzed): Promise<void> {
  const { url, apiKey: bearer } = server;
  await fc.assert(
    fc.asyncProperty(body, contentTypes, headers, async (sent, contentType, more) => {
      expectGood(
        await ask(`${url}/v1/notifications`, {
          method: "POST",
          bearer,
          headers: { ...more, "content-type": contentType },
          body: sent,
        }),
      );
    }),
    { numRuns: runs },
  );
  await expectAlive(server);
}

const segment = fc.oneof(
  fc.string({ maxLength: 20 }).map(encodeURIComponent),
  fc.constantFrom("%", "%ff", "..", "user:ada", "%00", "a".repeat(200)),
);
const path = fc.oneof(
  fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
  fc
    .tuple(
      fc.constantFrom(
        "notifications",
        "topics",
        "users",
        "ack",
        "poll",
        "topics/all/subscribers",
        "users/ada/tokens",
      ),
      segment,
    )
    .map(([first, second]) => `/v1/${first}/${second}`),
);
const query = fc.oneof(
  fc.constant(""),
  fc
    .array(
      fc.tuple(
        fc.constantFrom("source", "to", "limit", "after", "cursor", "wait", "device", "cursors"),
        fc.string({ maxLength: 20 }),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => `?${new URLSearchParams(pairs)}`),
  fc.string({ maxLength: 20 }).map((text) => `?${text.replaceAll(/[^\x21-\x7e]/g, "%")}`),
);
const method = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PURGE");

export async function fuzzRequests({ server, token, runs }: Fuzzed): Promise<void> {
  const bearers = fc.constantFrom(server.apiKey, token, "ck_", "a.b.c", "");
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      query,
      bearers,
      headers,
      fc.option(body),
      async (method, path, query, bearer, more, body) => {
        const answer = await ask(`${server.url}${path}${query}`, {
          method,
          bearer,
          headers: { ...more, "content-type": "application/json" },
          ...(body === null ? {} : { body }),
        });
        if (method !== "HEAD") expectGood(answer);
        else expect(answer?.status ?? 0).toBeLessThan(500);
      },
    ),
    { numRuns: runs },
  );
  await expectAlive(server);
}

const line = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    "GET / HTTP/1.1",
    "POST /v1/notifications HTTP/1.1",
    "Host: a",
    "Content-Length: -1",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: x",
    "Sec-WebSocket-Version: 12",
    "GET /v1/live HTTP/1.1",
    "GET /v1/live HTTP/9.9",
    "0",
    "ffffffffffffffffff",
    "",
  ),
);

/** Bytes that are hardly HTTP: an answer, if any, is one. */
export async function fuzzBytes({ server, runs }: Fuzzed): Promise<void> {
  const { hostname: host, port } = new URL(server.url);
  const garbage = fc.oneof(
    bytes,
    fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(`${lines.join("\r\n")}\r\n\r\n`)),
  );
  await fc.assert(
    fc.asyncProperty(garbage, async (sent) => {
      const socket = connect({ host, port: Number(port) });
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.on("error", () => {});
      socket.end(sent);
      await once(socket, "close");
      const answer = Buffer.concat(chunks).toString("latin1");
      if (answer !== "") expect(answer).toMatch(/^HTTP\/1\.1 [1-4]\d\d /);
    }),
    { numRuns: runs },
  );
  await expectAlive(server);
}

const frameText = fc.oneof(
  fc.constantFrom("null", "[]", "0", '""', "{}", "true"),
  fc.string({ maxLength: 100 }),
  fc.json({ maxDepth: 4 }),
  fc
    .dictionary(
      fc.constantFrom("ref", "stream", "seq", "token", "upTo", "seqs", "undo", "all", "extra", "__proto__"),
      value,
      {
        maxKeys: 4,
      },
    )
    .chain((members) =>
      fc
        .constantFrom("ack", "auth", "ping", "read", "archive", "seen", "send", "hello", "")
        .map((type) => JSON.stringify({ type, ...members })),
    ),
);
const frame = fc.oneof(
  { arbitrary: frameText.map((text) => clientFrame(1, text)), weight: 4 },
  fc.tuple(fc.nat(15), bytes).map(([opcode, payload]) => clientFrame(opcode, payload)),
  fc
    .tuple(fc.nat(15), bytes, fc.nat(2 ** 31))
    .map(([opcode, payload, says]) => clientFrame(opcode, payload, says)),
  bytes,
);

/** A session hears any frames, in any pieces: it answers, or closes with a code that says what was wrong. */
export async function fuzzFrames({ server, token, runs }: Fuzzed): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (frames, authenticated) => {
        const texts: string[] = [];
        const { status, closed, socket } = openRawWebSocket(server.url, {
          headers: authenticated ? { Authorization: `Bearer ${token}` } : {},
          onText: (text) => texts.push(text),
        });
        expect(await status).toBe(101);
        for (const one of frames) socket.write(one);
        // The end of what is said: by then it has been read, or the session is closed.
        socket.end(clientFrame(8, ""));
        const code = await closed;
        expect([null, 1_000, 1_002, 1_005, 1_007, 1_009]).toContain(
          code !== null && code >= 3_500 ? null : code,
        );
        for (const text of texts) expect(JSON.parse(text)).toHaveProperty("type");
      },
    ),
    { numRuns: runs },
  );
  await expectAlive(server);
}

const goodCursor = encodeCursor([
  { tag: tagOf("user:fuzz"), epoch: 1, seq: 3 },
  { tag: tagOf("topic:all"), epoch: 1, seq: 70_000 },
]);
const cursor = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.base64String({ maxLength: 80 }),
  fc
    .tuple(fc.nat(goodCursor.length - 1), fc.constantFrom(..."Aa0-_=+ "))
    .map(([at, letter]) => `${goodCursor.slice(0, at)}${letter}${goodCursor.slice(at + 1)}`),
  fc.nat(goodCursor.length).map((at) => goodCursor.slice(0, at)),
  fc
    .array(fc.record({ tag: fc.nat(2 ** 48 - 1), epoch: fc.nat(255), seq: fc.maxSafeNat() }), {
      maxLength: 20,
    })
    .map((entries) => encodeCursor(entries)),
  fc
    .record({ epoch: fc.nat(255), seq: fc.maxSafeNat() })
    .map((place) => encodeCursor([{ tag: tagOf("user:fuzz"), ...place }])),
);

/** Whatever the cursor, on each transport: it is good, or refused as a cursor. */
export async function fuzzCursors({ server, token, runs }: Fuzzed): Promise<void> {
  const expectCursor = (answer: Answer | null): void => {
    expectGood(answer);
    if (answer !== null && answer.status >= 400)
      expect(answer.json).toMatchObject({ code: "cursor-invalid" });
  };
  await fc.assert(
    fc.asyncProperty(cursor, async (cursor) => {
      const query = new URLSearchParams({ cursor });
      expectCursor(await ask(`${server.url}/v1/poll?wait=0&${query}`, { bearer: token }));

      const { closed, socket, status } = openRawWebSocket(server.url, {
        query: `?${query}`,
        headers: { Authorization: `Bearer ${token}` },
        onText: (text) => (JSON.parse(text) as { type: string }).type === "caught-up" && socket.destroy(),
      });
      expect(await status).toBe(101);
      expect([null, 3_506]).toContain(await closed);

      const events = new AbortController();
      const answer = await fetch(`${server.url}/v1/events?${query}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: events.signal,
      });
      expect([200, 400]).toContain(answer.status);
      events.abort();
    }),
    { numRuns: runs },
  );
  await expectAlive(server);
}
