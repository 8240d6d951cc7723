import { describe } from "vitest";
import { fuzzEverything } from "./fuzz-everything.ts";

describe("anything at all, a little", () => fuzzEverything(500));
