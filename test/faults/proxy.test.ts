import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, startFaultProxy } from "./proxy.ts";

/** A connection as one end sees it. */
interface End {
  readonly socket: Socket;
  /** All that came so far. */
  readonly text: () => string;
  /** Resolves once that came. */
  readonly has: (text: string) => Promise<void>;
  readonly fin: Promise<void>;
  /** The error's code, or "closed". */
  readonly over: Promise<string>;
}

function watch(socket: Socket): End {
  let text = "";
  const looking = new Set<() => void>();
  socket.setEncoding("utf8").on("data", (more: string) => {
    text += more;
    for (const look of looking) look();
  });
  let code = "closed";
  socket.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code ?? error.message;
  });
  return {
    socket,
    text: () => text,
    has: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          if (!text.includes(wanted)) return;
          looking.delete(look);
          resolve();
        };
        looking.add(look);
        look();
      }),
    fin: new Promise((resolve) => void socket.once("end", resolve)),
    over: new Promise((resolve) => void socket.once("close", () => resolve(code))),
  };
}

let proxy: FaultProxy;
let accepted: ((end: End) => void)[] = [];
let arrived: End[] = [];
const ends: End[] = [];
const server = createServer({ allowHalfOpen: true }, (socket) => {
  const end = watch(socket);
  ends.push(end);
  const next = accepted.shift();
  if (next === undefined) arrived.push(end);
  else next(end);
});

beforeEach(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startFaultProxy((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.close();
  for (const { socket } of ends.splice(0)) socket.destroy();
  accepted = [];
  arrived = [];
  await new Promise((resolve) => server.close(resolve));
  expect(proxy.connections()).toBe(0);
});

/** The server's end of the next connection. */
function next(): Promise<End> {
  const here = arrived.shift();
  return here === undefined ? new Promise((resolve) => accepted.push(resolve)) : Promise.resolve(here);
}

function dial(): End {
  const client = watch(connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }));
  ends.push(client);
  return client;
}

/** A connection that works both ways. */
async function pair(): Promise<{ client: End; behind: End }> {
  const client = dial();
  client.socket.write("hello");
  const behind = await next();
  await behind.has("hello");
  behind.socket.write("welcome");
  await client.has("welcome");
  return { client, behind };
}

test("passes bytes and ends both ways", async () => {
  const { client, behind } = await pair();
  client.socket.end("bye");
  await behind.fin;
  expect(behind.text()).toBe("hellobye");
  behind.socket.end("see you");
  await client.fin;
  expect(client.text()).toBe("welcomesee you");
  expect(await client.over).toBe("closed");
  expect(await behind.over).toBe("closed");
});

test("passes much more than it holds, whole, to a slow reader", async () => {
  const { client, behind } = await pair();
  client.socket.pause();
  const size = 16 << 20;
  behind.socket.end("x".repeat(size));
  await proxy.delay({ toClient: 1 });
  client.socket.resume();
  await client.fin;
  expect(client.text()).toHaveLength("welcome".length + size);
});

test("delays each way by its own time, in order", async () => {
  const { client, behind } = await pair();
  await proxy.delay({ toServer: 60, toClient: 30 });
  const begun = performance.now();
  client.socket.write("one");
  client.socket.write("two");
  await behind.has("onetwo");
  const there = performance.now();
  expect(there - begun).toBeGreaterThanOrEqual(59);
  behind.socket.write("three");
  await client.has("three");
  expect(performance.now() - there).toBeGreaterThanOrEqual(29);
});

test("a shorter delay overtakes nothing", async () => {
  const { client, behind } = await pair();
  await proxy.delay({ toServer: 80 });
  client.socket.write("one");
  await new Promise((resolve) => client.socket.write("two", resolve));
  await proxy.delay({ toServer: 1 });
  client.socket.write("three");
  await behind.has("three");
  expect(behind.text()).toBe("helloonetwothree");
});

test("hangs without a word, and brings everything late", async () => {
  const { client, behind } = await pair();
  await proxy.hang();
  client.socket.end("question");
  behind.socket.write("news");
  const late = dial();
  await once(late.socket, "connect");
  late.socket.write("late");
  const untouched = Symbol("nothing");
  // Turns of the loop, not time: whatever were to pass would have passed by then.
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  expect(await Promise.race([client.over, behind.over, behind.fin, late.over, untouched])).toBe(untouched);
  expect([client.text(), behind.text(), arrived.length]).toEqual(["welcome", "hello", 0]);
  await proxy.pass();
  await client.has("news");
  await behind.fin;
  expect(behind.text()).toBe("helloquestion");
  await (await next()).has("late");
});

test("a client that gave up during a silence is gone after it", async () => {
  const { client, behind } = await pair();
  await proxy.hang();
  client.socket.resetAndDestroy();
  await client.over;
  await proxy.pass();
  expect(await behind.over).toBe("ECONNRESET");
});

test("refuses new connections and keeps the old, at the same port afterwards", async () => {
  const { client, behind } = await pair();
  await proxy.refuse();
  expect(await dial().over).toBe("ECONNREFUSED");
  client.socket.write("still here");
  await behind.has("still here");
  await proxy.pass();
  await pair();
});

test("cuts by a reset on both sides, and passes new connections", async () => {
  const { client, behind } = await pair();
  proxy.cut();
  expect(await client.over).toBe("ECONNRESET");
  expect(await behind.over).toBe("ECONNRESET");
  await pair();
});

test("truncates an answer: the server did it, the client never learns", async () => {
  const { client, behind } = await pair();
  const ended = proxy.truncate("toClient", 0);
  client.socket.write("commit");
  await behind.has("commit");
  behind.socket.write("committed");
  await ended;
  await client.fin;
  expect(client.text()).toBe("welcome");
  expect(await behind.over).toBe("ECONNRESET");
  await pair();
});

test("truncates a request after so many bytes", async () => {
  const { client, behind } = await pair();
  const ended = proxy.truncate("toServer", 3);
  client.socket.write("abc");
  await behind.has("abc");
  client.socket.write("def");
  await ended;
  await behind.fin;
  expect(behind.text()).toBe("helloabc");
  expect(await client.over).toBe("ECONNRESET");
});

test("half closes one way and goes on the other", async () => {
  const { client, behind } = await pair();
  proxy.halfClose("toClient");
  await client.fin;
  behind.socket.write("into the void");
  client.socket.write("anyone?");
  await behind.has("anyone?");
  expect(client.text()).toBe("welcome");
  expect(proxy.connections()).toBe(1);
});

test("passes on a reset, and resets clients whose server refuses", async () => {
  const { client, behind } = await pair();
  behind.socket.resetAndDestroy();
  expect(await client.over).toBe("ECONNRESET");
  const nobody = await startFaultProxy(1);
  const refused = watch(connect(nobody.port, "127.0.0.1"));
  expect(await refused.over).toBe("ECONNRESET");
  await nobody.close();
});
