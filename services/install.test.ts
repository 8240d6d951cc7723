import { expect, test } from "vitest";
import { advice } from "./install.ts";

const lacking = [
  { is: "PgBouncer", debian: "pgbouncer", homebrew: "pgbouncer" },
  { is: "Java 17 or newer", debian: "default-jre-headless", homebrew: "openjdk" },
];

test("who can't have it installed is told what to install", () => {
  expect(advice(lacking, "linux")).toContain(
    "apt-get install --no-install-recommends pgbouncer default-jre-headless",
  );
  expect(advice(lacking, "darwin")).toContain("brew install pgbouncer openjdk");
  expect(advice(lacking, "win32")).toContain("deploy/compose/compose.yaml");
  for (const platform of ["linux", "darwin", "win32"]) {
    expect(advice(lacking, platform)).toContain("missing: PgBouncer, Java 17 or newer");
  }
});
