import { describe } from "vitest";
import { fuzzEverything } from "../bad-days/fuzz-everything.ts";

describe("anything at all, a lot", () => fuzzEverything(5_000));
