import { expect, test } from "vitest";
import { addressesOf } from "./addresses.ts";

test("an address of several hosts is one for each of them, everything else the same", () => {
  expect(
    addressesOf("postgres://u:p%40w@a:5432,b:5433/db?target_session_attrs=read-write&sslmode=require"),
  ).toEqual(["postgres://u:p%40w@a:5432/db?sslmode=require", "postgres://u:p%40w@b:5433/db?sslmode=require"]);
  expect(addressesOf("postgresql://[::1]:5432,b/db?sslmode=require&target_session_attrs=primary")).toEqual([
    "postgresql://[::1]:5432/db?sslmode=require",
    "postgresql://b/db?sslmode=require",
  ]);
  expect(addressesOf("postgres://localhost")).toEqual(["postgres://localhost"]);
});

test("what isn't an address is refused", () => {
  expect(() => addressesOf("mysql://a/b")).toThrow(RangeError);
});
