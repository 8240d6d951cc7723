import fc from "fast-check";
import { expect, test } from "vitest";
import { makeLogger } from "./logger.ts";

const apiKey = `ck_${"Ab9_-".repeat(8)}xyz`;
const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
const ticket = `ct_${"WyJh".repeat(20)}.${"c2ln".repeat(10)}xyz`;
const payload = "your parcel is on its way";

function logged(format: "json" | "text", say: (log: ReturnType<typeof makeLogger>) => void): string {
  const lines: string[] = [];
  say(makeLogger({ level: "debug", format, write: (line) => lines.push(line) }));
  return lines.join("");
}

const places: Record<string, (log: ReturnType<typeof makeLogger>) => void> = {
  "a field that carries it": (log) =>
    log.info({ token, apiKey, body: payload, data: { title: payload } }, "sent"),
  "a field deeper down": (log) =>
    log.info({ request: { headers: { Authorization: `Bearer ${token}` }, body: [payload] } }, "sent"),
  "a ticket out of its URL": (log) => log.info({ note: ticket }, `used ${ticket}`),
  "an array": (log) => log.info({ items: [{ event: { data: payload }, key: apiKey }] }, "sent"),
  bytes: (log) =>
    log.info({ frame: Buffer.from(payload), view: new Uint8Array(Buffer.from(payload)) }, "sent"),
  "the message": (log) => log.warn({}, `refused ${token} and ${apiKey}`),
  "a URL": (log) => log.info({ url: `/v1/live?token=${token}&ticket=abcdef-123&device=d` }, "opened"),
  "an exception": (log) =>
    log.error({ err: new Error(`bad key ${apiKey}`, { cause: new Error(token) }) }, "failed"),
  "what a database says beside its message": (log) => {
    const refused = Object.assign(new Error("violates a constraint"), {
      code: "23514",
      detail: `Failing row contains (42, 7, {"data":"${payload}"}).`,
      where: `unnamed portal with parameters: $1 = '{"data":"${payload}"}'`,
      request: { body: payload, token },
    });
    log.error({ err: new AggregateError([refused], "failed", { cause: refused }) }, "failed");
    log.error({ err: refused }, "failed");
  },
  "an address": (log) => {
    const wrong = Object.assign(new TypeError("Invalid URL"), {
      input: "postgres://carillon:parcel@[::1/db",
    });
    log.error({ err: wrong }, "redis://:parcel@10.0.0.1:6379 and kafka://u%40x:pa:parcel!@h are away");
  },
  "a child's fields": (log) => log.child({ token, secret: apiKey }).info({ session: "s-1" }, "opened"),
};

test.each(Object.entries(places))("a secret or a payload in %s is not printed", (_, say) => {
  for (const format of ["json", "text"] as const) {
    const text = logged(format, say);
    expect(text.length).toBeGreaterThan(20);
    expect(text).not.toContain(apiKey);
    expect(text).not.toContain(token);
    expect(text).not.toContain(ticket.slice(0, 40));
    expect(text).not.toContain(ticket.slice(-20));
    expect(text).not.toContain("abcdef-123");
    expect(text).not.toContain("parcel");
    expect(text).not.toContain(Buffer.from(payload).toString("base64"));
  }
});

test("every line stays one JSON object, whatever is logged", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (fields, message) => {
      const text = logged("json", (log) => log.info({ fields, note: `?token=${message}` }, message));
      expect(text.endsWith("\n")).toBe(true);
      expect(JSON.parse(text)).toMatchObject({ level: "info" });
    }),
  );
});

test("ids are printed, and a level below the least is not", () => {
  expect(logged("json", (log) => log.info({ stream: "user:42", seq: 7, id: "o-17" }, "stored"))).toMatch(
    /"stream":"user:42","seq":7,"id":"o-17"/,
  );
  const lines: string[] = [];
  const log = makeLogger({ level: "warn", format: "text", write: (line) => lines.push(line) });
  log.info({}, "no");
  log.warn({ part: 0 }, "the store is away");
  expect(lines).toEqual([
    expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}the store is away part=0\n$/),
  ]);
});
