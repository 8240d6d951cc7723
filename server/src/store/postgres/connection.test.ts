import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { openConnection } from "./connection.ts";

test("a server that can't be reached is named, with the reason and without the password", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));

  const opening = openConnection(`postgres://me:hunter2@127.0.0.1:${port}/carillon`, () => {});
  await expect(opening).rejects.toMatchObject({
    code: "unavailable",
    message: `PostgreSQL at 127.0.0.1:${port} can't be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
  });
});
