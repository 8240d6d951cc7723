import { expect, test } from "vitest";
import { Failure, type FailureCode } from "./errors.ts";
import { whyNotStarted } from "./why-not-started.ts";

const circumstances = {
  dataDirectory: "/srv/data",
  postgresUrl: [],
  host: "127.0.0.1",
  port: 7_700,
  operationsHost: "127.0.0.1",
  operationsPort: 7_701,
};

const system = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code}: it went wrong`), { code, syscall: "x", ...more });

const codes: FailureCode[] = [
  "unusable",
  "diverged",
  "locked",
  "foreign",
  "corrupt",
  "full",
  "read-only",
  "unavailable",
  "overloaded",
  "stopped",
];

test.each(codes)("a store that is %s: one sentence with what to do, and the store's own words", (code) => {
  const text = whyNotStarted(new Failure(code, "the store's own words"), circumstances);
  expect(text).toMatch(/^carillon could not start: [^\n]+\. \(the store's own words\)$/);
});

test.each([
  [system("EADDRINUSE", { port: 7_700 }), "127.0.0.1:7700 is taken", "another --port "],
  [system("EADDRINUSE", { port: 7_701 }), "127.0.0.1:7701 is taken", "another --operations-port "],
  [system("EADDRNOTAVAIL", { port: 7_700 }), "no address 127.0.0.1:7700", "--host"],
  [system("EACCES", { port: 7_700 }), "may not listen", "1024 or above"],
  [system("EACCES", { path: "/srv/data/api.key" }), "/srv/data/api.key can't be written", "--data-directory"],
  [system("EROFS"), "/srv/data can't be written", "--data-directory"],
  [system("ENOSPC"), "no space is left", "make room"],
  [system("ENOTDIR", { path: "/srv/data" }), "/srv/data is in the way", "--data-directory"],
  [
    new Failure("unavailable", "EEXIST: mkdir", { cause: system("EEXIST", { path: "/srv/data" }) }),
    "is in the way",
    "--data-directory",
  ],
  [new Error("something new"), "something new", ""],
])("%s", (error, what, advice) => {
  const text = whyNotStarted(error, circumstances);
  expect(text).toContain(what);
  expect(text).toContain(advice);
  expect(text).not.toContain("\n");
});

test("a store on PostgreSQL is named without its password", () => {
  const shared = { ...circumstances, postgresUrl: ["postgres://me:hunter2@db/carillon"] };
  const text = whyNotStarted(new Failure("foreign", "a later version"), shared);
  expect(text).toContain("the PostgreSQL store, postgres://me:(hidden)@db/carillon,");
  expect(text).toContain("take another database");
  expect(text).not.toContain("hunter2");
});
