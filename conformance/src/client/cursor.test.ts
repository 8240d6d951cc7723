import { expect, test } from "vitest";
import cursors from "../../../protocol/vectors/cursors.json" with { type: "json" };
import { makeCursor } from "./cursor.ts";

test("cursors made from the specification's text are those of the vectors", () => {
  for (const { places, token } of cursors.cursors) expect(makeCursor(places)).toBe(token);
});
