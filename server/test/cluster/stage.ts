/** A combination, set up once for the tests of a describe: its deployment, and one URL before it. */
import { afterAll, beforeAll } from "vitest";
import { onSharedServices } from "./backing.ts";
import { type Balancer, balance } from "./balancer.ts";
import type { Combination } from "./combinations.ts";
import { type Deployment, deploy } from "./deployment.ts";

export interface Stage {
  readonly deployment: Deployment;
  readonly balancer: Balancer;
}

const startMs = 120_000;

export function stageFor(combination: Combination, flags: readonly string[] = []): () => Stage {
  let stage: Stage | undefined;
  const atEnd: (() => void | Promise<void>)[] = [];

  beforeAll(async () => {
    const backing = await onSharedServices(combination);
    atEnd.push(() => backing.remove());
    const deployment = await deploy({ combination, backing, flags, atEnd: (run) => void atEnd.push(run) });
    const balancer = await balance(deployment);
    atEnd.push(() => balancer.stop());
    stage = { deployment, balancer };
  }, startMs);

  afterAll(async () => {
    for (const run of atEnd.splice(0).reverse()) await run();
  }, startMs);

  return () => stage!;
}
