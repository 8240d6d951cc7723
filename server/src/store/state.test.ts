import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changedState } from "./state.ts";

const patched = (before: unknown, patch: unknown): unknown =>
  changedState(JSON.stringify(before), { patch: patch as { [member: string]: unknown } });

/** RFC 7396, appendix A, where both are objects. */
describe("a merge patch", () => {
  test.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j with %j is %j", (before, patch, after) => {
    expect(patched(before, patch)).toBe(JSON.stringify(after));
  });

  test("of names that objects have by birth is like that of any other", () => {
    expect(patched({}, { toString: { a: 1 }, hasOwnProperty: 2 })).toBe(
      '{"toString":{"a":1},"hasOwnProperty":2}',
    );
    expect(patched({ valueOf: 1 }, { valueOf: null })).toBe("{}");
  });
});

describe("what a state may not be", () => {
  test.each(["__proto__", "constructor", "prototype"])(
    "%s is refused at every depth, whatever is said of it",
    (name) => {
      for (const value of ['{"polluted":true}', "null", "1"]) {
        for (const text of [`{"${name}":${value}}`, `{"a":[{"b":{"${name}":${value}}}]}`]) {
          for (const how of ["put", "patch"] as const) {
            const refused = changedState("{}", { [how]: JSON.parse(text) } as { patch: object } as never);
            expect(refused).toMatchObject({
              code: "body-invalid",
              errors: [{ pointer: expect.stringContaining(name) }],
            });
          }
        }
      }
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test("deeper than 32, however deep", () => {
    const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
    expect(changedState("{}", { put: nested(32) })).toBe(JSON.stringify(nested(32)));
    expect(changedState("{}", { put: nested(33) })).toMatchObject({ code: "body-invalid" });
    expect(changedState("{}", { patch: nested(10_000) })).toMatchObject({ code: "body-invalid" });
  });

  test("larger than 16 KB, with what was there before", () => {
    const half = { one: "x".repeat(8_185) };
    const other = { two: "é".repeat(4_100) };
    expect(changedState("{}", { put: { text: "x".repeat(16_373) } })).toHaveLength(16_384);
    expect(changedState("{}", { put: { text: "x".repeat(16_374) } })).toMatchObject({
      code: "state-too-large",
    });
    expect(patched(half, other)).toMatchObject({ code: "state-too-large" });
    expect(patched(half, { one: null, ...other })).toBe(JSON.stringify(other));
  });
});

test("a patch that is there already changes nothing, and one sent twice is one", () => {
  const name = fc
    .string({ maxLength: 3 })
    .filter((one) => !["__proto__", "constructor", "prototype"].includes(one));
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, 1, "x", true),
      tie("object"),
      fc.array(tie("value"), { maxLength: 2 }),
    ),
    object: fc.dictionary(name, tie("value"), { maxKeys: 4 }),
  }));
  fc.assert(
    fc.property(json.object, json.object, (before, patch) => {
      const once = patched(before, patch);
      expect(patched(JSON.parse(once as string), patch)).toBe(once);
      expect(patched(before, {})).toBe(JSON.stringify(JSON.parse(JSON.stringify(before))));
    }),
  );
});
