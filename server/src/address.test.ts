import { expect, test } from "vitest";
import { isNetwork, makeAddressOf } from "./address.ts";

const asked = (remoteAddress: string | undefined, forwarded?: string | string[]) => ({
  socket: { remoteAddress },
  headers: { "x-forwarded-for": forwarded },
});

test("without trusted proxies nobody's X-Forwarded-For counts", () => {
  const addressOf = makeAddressOf([]);
  expect(addressOf(asked("203.0.113.9", "198.51.100.1"))).toBe("203.0.113.9");
  expect(addressOf(asked("127.0.0.1", "198.51.100.1"))).toBe("127.0.0.1");
  expect(addressOf(asked(undefined, "198.51.100.1"))).toBe("unknown");
});

test("behind trusted proxies it is the last address that isn't one, whatever a stranger wrote before it", () => {
  const addressOf = makeAddressOf(["10.0.0.0/8", "2001:db8::1"]);
  expect(addressOf(asked("10.1.2.3", "198.51.100.1"))).toBe("198.51.100.1");
  expect(addressOf(asked("10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9"))).toBe("198.51.100.1");
  expect(addressOf(asked("::ffff:10.1.2.3", ["1.1.1.1", "198.51.100.1:4711"]))).toBe("198.51.100.1");
  expect(addressOf(asked("2001:db8::1", "[2001:db8::9]:443"))).toBe("2001:db8::9");
  expect(addressOf(asked("10.1.2.3", "what is this"))).toBe("10.1.2.3");
  expect(addressOf(asked("10.1.2.3"))).toBe("10.1.2.3");
  expect(addressOf(asked("203.0.113.9", "198.51.100.1"))).toBe("203.0.113.9");
});

test("networks are addresses with or without a prefix", () => {
  for (const good of ["10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32"]) expect(isNetwork(good)).toBe(true);
  for (const bad of ["", "proxy", "10.0.0.0/33", "10.0.0.0/8/8", "::1/129", "10.0.0.0/x"])
    expect(isNetwork(bad)).toBe(false);
});
