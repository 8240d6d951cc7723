import { expect, test } from "vitest";
import { type Serving, welcome } from "./welcome.ts";

const serving: Serving = {
  roles: ["receiver", "director", "distributor"],
  version: "1.2.3",
  url: "http://127.0.0.1:7700",
  pageUrl: "http://127.0.0.1:7700/",
  operationsUrl: "http://127.0.0.1:7701",
  dataDirectory: "/home/ada/carillon-data",
  signingKeyFile: "/home/ada/carillon-data/signing.key",
  apiKeyFile: "/home/ada/carillon-data/api.key",
  keysMade: true,
};

test("one screen that says where, with which keys, and what to do next", () => {
  expect(welcome(serving, "/home/ada")).toBe(`Carillon 1.2.3 serves at http://127.0.0.1:7700

  data        carillon-data
  API key     carillon-data/api.key, made just now
  token key   carillon-data/signing.key, made just now
  operations  http://127.0.0.1:7701/readyz, /livez, /metrics

In another terminal, watch a user and send to them:

  npx carillon listen user:42
  npx carillon send user:42 --type order.shipped --data '{"title":"On its way"}'

Or watch in a browser: open http://127.0.0.1:7700/ and sign in with what this prints:

  npx carillon token user:42

Ctrl-C stops it.
`);
});

test("a data directory elsewhere is in the commands, quoted where a shell needs it", () => {
  const elsewhere = welcome({ ...serving, dataDirectory: "/srv/it's here" }, "/home/ada");
  expect(elsewhere).toContain(`npx carillon listen user:42 --data-directory '/srv/it'\\''s here'\n`);
  const below = welcome({ ...serving, dataDirectory: "/home/ada/other" }, "/home/ada");
  expect(below).toContain("npx carillon listen user:42 --data-directory other\n");
});

test("keys that are elsewhere are not pointed at", () => {
  const text = welcome({ ...serving, apiKeyFile: null, signingKeyFile: null, keysMade: false }, "/home/ada");
  expect(text).toMatch(/API key +in your keeping\n {2}token key +from the configuration\n/);
  expect(text).toContain("with the API key in CARILLON_KEY");
});

test("without the page nobody is sent there", () => {
  const text = welcome({ ...serving, pageUrl: null }, "/home/ada");
  expect(text).not.toContain("browser");
  expect(text).not.toContain("carillon token");
});

test("a process that clients don't connect to says what it is", () => {
  const text = welcome({ ...serving, roles: ["director"], url: null, pageUrl: null }, "/srv");
  expect(text).toContain("runs as director");
  expect(text).toContain(serving.operationsUrl);
  expect(text).not.toContain("null");
});
