// The exam from outside, sat by every combination behind one URL, but for heartbeats worth waiting for.
import { describe } from "vitest";
import { conformance } from "../../../conformance/src/suite.ts";
import { combinations } from "./combinations.ts";
import { stageFor } from "./stage.ts";

describe.each(combinations)("$name", (combination) => {
  const stage = stageFor(combination, ["--heartbeat", "3s", "--poll-wait", "30s", "--replay-rows", "1000"]);
  conformance(() => ({ url: stage().balancer.url, key: stage().deployment.apiKey }));
});
