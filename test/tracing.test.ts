// The example of docs/operating/tracing.md, as it stands there, in a real process with a collector beside it.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTracing } from "../server/src/trace.ts";
import { type Server, serve } from "./black-box/process.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${spanId}-01`;
const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const spans: Span[] = [];
const waiting = new Set<() => void>();
const collector = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  const { resourceSpans } = JSON.parse(text) as {
    resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
  };
  for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
  response.setHeader("content-type", "application/json").end("{}");
  for (const look of waiting) look();
});
/** Resolves with the first spans of these names that meet `of`, when all of them are there. */
const collected = (names: readonly string[], of: (span: Span) => boolean) =>
  new Promise<readonly Span[]>((resolve) => {
    const look = () => {
      const found = names.map((name) => spans.find((span) => span.name === name && of(span)));
      if (found.every((span) => span !== undefined)) resolve(found);
    };
    waiting.add(look);
    look();
  });

let server: Server;
beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as AddressInfo;
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = `http://127.0.0.1:${port}`;
  server = await serve(
    [],
    [process.execPath, "--import", path("docs/examples/tracing.js"), path("cli/src/main.ts")],
  );
});
afterAll(async () => {
  await server.stop();
  collector.close();
});

async function api(what: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

const attributeOf = (span: Span | undefined, name: string) =>
  span?.attributes.find(({ key }) => key === name)?.value;

test("a trace goes from the producer over acceptance, commit and push to the client", async () => {
  const { token } = await api("/v1/users/42/tokens", {});
  const live = new WebSocket(`${server.url.replace("http", "ws")}/v1/live`, ["carillon.v1"]);
  const received = new Promise<{ event: Record<string, unknown> }>((resolve) => {
    live.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data as string);
      if (frame.type === "notification") resolve(frame);
    });
  });
  const caughtUp = new Promise<void>((resolve) => {
    live.addEventListener("message", ({ data }) => {
      if (JSON.parse(data as string).type === "caught-up") resolve();
    });
  });
  live.addEventListener("open", () => live.send(JSON.stringify({ type: "auth", token })));
  await caughtUp;

  const sent = {
    to: "user:42",
    source: "/shop",
    id: "o-17",
    type: "order.shipped",
    data: { title: "secret" },
  };
  await api("/v1/notifications", sent, { traceparent, tracestate: "shop=1" });
  expect((await received).event).toMatchObject({ id: "o-17", traceparent, tracestate: "shop=1" });
  live.close();

  const found = await collected(
    ["carillon accept", "carillon commit", "carillon push"],
    (span) => span.traceId === traceId,
  );
  expect(found.map((span) => span.parentSpanId)).toEqual([spanId, spanId, spanId]);
  const [, commit, push] = found;
  expect(attributeOf(commit, "carillon.outcome")).toEqual({ stringValue: "stored" });
  expect(attributeOf(push, "carillon.sessions")).toEqual({ intValue: 1 });
  expect(JSON.stringify(spans)).not.toContain("secret");
});

test("what isn't sampled leaves no span, and is delivered with its context all the same", async () => {
  const other = "1af7651916cd43dd8448eb211c80319c";
  const unsampled = `00-${other}-${spanId}-00`;
  await api(
    "/v1/notifications",
    { to: "user:7", id: "1", source: "/shop", type: "t" },
    { traceparent: unsampled },
  );
  await api("/v1/notifications", { to: "user:7", id: "2", source: "/shop", type: "t" }, { traceparent });
  await collected(["carillon commit"], (span) =>
    JSON.stringify(attributeOf(span, "messaging.destination.name")).includes("user:7"),
  );
  expect(spans.filter((span) => span.traceId === other)).toEqual([]);
  const { token } = await api("/v1/users/7/tokens", {});
  const poll = await fetch(`${server.url}/v1/poll?wait=0`, { headers: { authorization: `Bearer ${token}` } });
  const { frames } = (await poll.json()) as { frames: { type: string; event?: object }[] };
  expect(frames.filter(({ type }) => type === "notification").map(({ event }) => event)).toMatchObject([
    { id: "1", traceparent: unsampled },
    { id: "2", traceparent },
  ]);
});

test("the page shows the file that these tests run", () => {
  const file = readFileSync(path("docs/examples/tracing.js"), "utf8");
  expect(readFileSync(path("docs/operating/tracing.md"), "utf8")).toContain(`\`\`\`js\n${file}\`\`\`\n`);
});

test("without a registered provider there is no tracer", () => {
  expect(openTracing("0")).toBeNull();
});
