import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePlace, type Place } from "./command.ts";

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.leave());

const data = (name: string) => join(place.directory, "carillon-data", name);
const ready = async (url: string) => (await fetch(`${url}/readyz`)).status;

/** The words of a printed command, as a shell would see them. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

test("the first start makes its keys, says where, and its printed commands work as pasted", async () => {
  const server = place.run(["serve"]);
  await server.says(/Ctrl-C stops it\./);
  for (const name of ["api.key", "signing.key"]) {
    expect(statSync(data(name)).mode & 0o777).toBe(0o600);
    expect(server.out()).toContain(`carillon-data/${name}, made just now`);
  }
  for (const name of ["carillon.db", "carillon.db-wal", "serving.json"]) {
    expect(statSync(data(name)).mode & 0o077, name).toBe(0);
  }
  expect(server.out().split("\n").length).toBeLessThan(24);

  const commands = [...server.out().matchAll(/^ {2}npx carillon (.*)$/gm)].map(([, line]) => words(line!));
  expect(commands.map(([verb]) => verb)).toEqual(["listen", "send", "token"]);
  const listener = place.run(commands[0]!);
  await listener.says(/connected to/);
  expect(await place.done(commands[1]!)).toMatchObject({ status: 0, out: "stored user:42 at 1\n", err: "" });
  await listener.says(/user:42 #1 {2}order\.shipped {2}\{"title":"On its way"\}/);

  const [page] = /http:\S+\/(?= and sign in)/.exec(server.out())!;
  expect(await (await fetch(page)).text()).toContain("<title>Carillon</title>");
  expect(await place.done(commands[2]!)).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^ey\S+\n$/),
  });

  const operations = /http:\S+(?=\/readyz)/.exec(server.out())![0];
  expect(await ready(operations)).toBe(200);
  expect(await (await fetch(`${operations}/metrics`)).text()).toContain("carillon_stored_total 1");
});

test("a restart keeps the keys, the tokens signed with them and the notifications", async () => {
  const first = await place.serve();
  const keys = ["api.key", "signing.key"].map((name) => readFileSync(data(name), "utf8"));
  const { out: token } = await place.done(["token", "42"]);
  await place.done(["send", "42", "--type", "a"]);
  first.child.kill("SIGTERM");
  expect((await first.ended).status).toBe(0);
  expect(existsSync(data("serving.json"))).toBe(false);

  await place.serve();
  expect(["api.key", "signing.key"].map((name) => readFileSync(data(name), "utf8"))).toEqual(keys);
  const listened = await place.done(["listen", "42", "--count", "1", "--token", token.trim()]);
  expect(listened).toMatchObject({ status: 0, out: expect.stringContaining("user:42 #1  a") });
});

test("SIGTERM: readiness fails, clients are told, what is under way is done, and the status is 0", async () => {
  const server = await place.serve(["--drain-window", "2s"]);
  const listener = place.run(["listen", "42"]);
  await listener.says(/connected to/);
  const authorization = `Bearer ${(await place.done(["token", "42"])).out.trim()}`;
  const stays = await fetch(`${server.serving.url}/v1/events`, { headers: { authorization } });
  const polled = fetch(`${server.serving.url}/v1/poll?wait=60`, { headers: { authorization } });
  const metrics = `${server.serving.operationsUrl}/metrics`;
  await expect
    .poll(async () => (await fetch(metrics)).text())
    .toContain('carillon_sessions{transport="poll"} 1');
  server.child.kill("SIGTERM");
  await listener.says(/the server is going away; reconnecting/);
  expect(await ready(server.serving.operationsUrl)).toBe(503);
  expect((await fetch(`${server.serving.url}/v1/poll`, { headers: { authorization } })).status).toBe(503);
  expect([200, 503]).toContain((await polled).status);
  expect(await stays.text()).toMatch(/event: goaway\n(.*\n)*event: error\ndata: .*draining/);
  const { status, err } = await server.ended;
  expect(status).toBe(0);
  expect(err).toMatch(/"msg":"stopped"\}\n$/);
});

test("a second signal ends it at once, non-zero", async () => {
  const server = await place.serve(["--drain-window", "20s"]);
  const listener = place.run(["listen", "42"]);
  await listener.says(/connected to/);
  const again = setInterval(() => server.child.kill("SIGTERM"), 100);
  const { status } = await server.ended;
  clearInterval(again);
  expect(status).toBe(143);
});

test("kill -9 and on again: a listener goes on by itself, nothing missing, nothing twice", {
  timeout: 90_000,
}, async () => {
  let server = await place.serve();
  const port = new URL(server.serving.url).port;
  const total = 30;
  const listener = place.run(["listen", "42", "--count", String(total), "--json"]);
  await listener.says(/connected to/);
  for (let sent = 0; sent < total; sent += 10) {
    const lines = Array.from({ length: 10 }, (_, at) =>
      JSON.stringify({ to: "user:42", type: "n", id: `n-${sent + at}` }),
    );
    const { status } = await place.done(["send", "--file", "-"], { input: lines.join("\n") });
    expect(status).toBe(0);
    server.child.kill("SIGKILL");
    await server.ended;
    server = await place.serve(["--port", port]);
  }
  const { status, out } = await listener.ended;
  expect(status).toBe(0);
  const frames = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { seq: number; event: { id: string } });
  expect(frames.map(({ seq }) => seq)).toEqual(Array.from({ length: total }, (_, at) => at + 1));
  expect(frames.map(({ event }) => event.id)).toEqual(Array.from({ length: total }, (_, at) => `n-${at}`));
});

test("what is sent while the server is away arrives once it is back, once", async () => {
  const first = await place.serve();
  const { port } = new URL(first.serving.url);
  first.child.kill("SIGKILL");
  await first.ended;
  const sender = place.run(["send", "42", "--type", "late", "--retry", "5m"]);
  await sender.says(/can't be reached: .*trying again/);
  await place.serve(["--port", port]);
  expect(await sender.ended).toMatchObject({ status: 0, out: "stored user:42 at 1\n" });
  expect((await place.done(["listen", "42", "--count", "1"])).out).toBe("user:42 #1  late  \n");
});

test("a listener awaits a server that was stopped where it was, not at another that may be there", async () => {
  const server = await place.serve();
  const listener = place.run(["listen", "42"]);
  await listener.says(/connected to/);
  server.child.kill("SIGTERM");
  await server.ended;
  expect(existsSync(data("serving.json"))).toBe(false);
  const { port } = new URL(server.serving.url);
  await listener.says(new RegExp(`http://127\\.0\\.0\\.1:${port} can't be reached`));
});

test("a data directory that is in use, in the way or not ours: one sentence and status 1", async () => {
  await place.serve();
  const second = await place.done(["serve"]);
  expect(second).toMatchObject({ status: 1, out: "" });
  expect(second.err).toMatch(
    /^carillon could not start: another process serves .*carillon-data; .*--data-directory\..*\n$/,
  );

  writeFileSync(join(place.directory, "file"), "");
  const inTheWay = await place.done(["serve", "--data-directory", "file"]);
  expect(inTheWay.status).toBe(1);
  expect(inTheWay.err.trim().split("\n")).toHaveLength(1);
  expect(inTheWay.err).toContain("--data-directory");

  mkdirSync(join(place.directory, "other"));
  writeFileSync(
    join(place.directory, "other", "carillon.db"),
    "this is no database, but a text of some length\n".repeat(100),
  );
  const foreign = await place.done(["serve", "--data-directory", "other"]);
  expect(foreign.status).toBe(1);
  expect(foreign.err).toMatch(/^carillon could not start: .*other.*\n$/);
});

test("a port that is taken: one sentence with the option to change", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  const { port } = squatter.address() as { port: number };
  for (const [option, name] of [
    ["--port", "--port"],
    ["--operations-port", "--operations-port"],
  ]) {
    const { status, err } = await place.done(["serve", option!, String(port)]);
    expect(status).toBe(1);
    expect(err).toBe(
      `carillon could not start: 127.0.0.1:${port} is taken; stop what listens there, or choose another ${name} (0 takes a free one).\n`,
    );
  }
  squatter.close();
});

test("a signing key that is gone stops the start, and --replace-missing-keys makes another", async () => {
  const server = await place.serve();
  server.child.kill("SIGTERM");
  await server.ended;
  const before = readFileSync(data("signing.key"), "utf8");
  rmSync(data("signing.key"));
  const refused = await place.done(["serve"]);
  expect(refused.status).toBe(1);
  expect(refused.err).toContain("--replace-missing-keys");
  await place.serve(["--replace-missing-keys"]);
  expect(readFileSync(data("signing.key"), "utf8")).not.toBe(before);
});

test("a configuration that can't be used: every problem, status 2, and nothing is made", async () => {
  const { status, out, err } = await place.done(["serve", "--prot", "1", "--drain-window", "5"], {
    env: { CARILLON_HEARTBEET: "5s" },
  });
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toBe(
    [
      "The configuration has 3 problems:",
      "  --prot: is no option; did you mean --port?",
      "  CARILLON_HEARTBEET: is no option; did you mean CARILLON_HEARTBEAT?",
      '  --drain-window: "5" is not a duration; write it with a unit (d, h, m, s, ms), such as "10s"',
      "",
    ].join("\n"),
  );
  expect(existsSync(join(place.directory, "carillon-data"))).toBe(false);
});

test("config shows what is in effect and where it comes from; config check only whether it can be used", async () => {
  const secret = "hush-".repeat(10);
  const env = { CARILLON_TOKEN_SECRET: secret, CARILLON_PORT: "8080" };
  const shown = await place.done(["config", "--heartbeat", "10s"], { env });
  expect(shown.status).toBe(0);
  expect(shown.out).toMatch(/^heartbeat +10s +--heartbeat$/m);
  expect(shown.out).toMatch(/^port +8080 +CARILLON_PORT$/m);
  expect(shown.out).toMatch(/^tokenSecret +\(hidden\) +CARILLON_TOKEN_SECRET$/m);
  expect(shown.out + shown.err).not.toContain(secret);
  expect(await place.done(["config", "check"])).toMatchObject({
    status: 0,
    out: "The configuration can be used.\n",
  });
  expect(await place.done(["config", "check", "--port", "x"])).toMatchObject({ status: 2, out: "" });
});

test("no secret and no payload is in what the server prints", async () => {
  const server = await place.serve(["--log-level", "debug"]);
  const { out: token } = await place.done(["token", "42"]);
  await place.done(["send", "42", "--type", "a", "--data", '{"title":"for your eyes only"}']);
  await place.done(["listen", "42", "--count", "1"]);
  await place.done(["listen", "42", "--count", "1", "--token", `${token.trim().slice(0, -3)}abc`]);
  await place.done(["send", "42", "--type", "a", "--key", `ck_${"a".repeat(43)}`]);
  await fetch(`${server.serving.url}/v1/events?token=${token.trim()}`);
  server.child.kill("SIGTERM");
  const { out, err } = await server.ended;
  const keys = ["api.key", "signing.key"].map((name) => readFileSync(data(name), "utf8").trim());
  for (const secret of [...keys, token.trim(), "for your eyes only", `ck_${"a".repeat(43)}`]) {
    expect(out + err).not.toContain(secret);
  }
});
