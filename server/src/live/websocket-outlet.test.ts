import fc from "fast-check";
import { expect, test } from "vitest";
import { clipReason } from "./websocket-outlet.ts";

test("property: a close's reason fits its frame, and is UTF-8 however it is cut", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (detail) => {
      const clipped = clipReason(detail);
      expect(clipped.length).toBeLessThanOrEqual(123);
      expect(
        detail.startsWith(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(clipped)),
      ).toBe(true);
      if (Buffer.byteLength(detail) <= 123) expect(clipped.toString()).toBe(detail);
    }),
  );
});
