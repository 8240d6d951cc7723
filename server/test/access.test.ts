/** A whole server: what its configuration, files and neighbours make of who may come in. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { exportJWK, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { type Assembled, assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import { Failure } from "../src/errors.ts";
import { makeLogger } from "../src/telemetry/logger.ts";
import { makeCertificatePair } from "./certificates.ts";

interface Running extends Assembled {
  readonly directory: string;
  /** Resolves once its log says so, now or later. */
  says(what: string): Promise<void>;
}

async function start(directory: string, ...args: string[]): Promise<Running> {
  const usual = ["--port", "0", "--operations-port", "0", "--drain-window", "0s"];
  const read = readConfig({ args: [...usual, ...args], env: {}, cwd: directory });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const logged: string[] = [];
  const looking = new Set<() => void>();
  const note = (line: string): void => {
    logged.push(line);
    for (const look of looking) look();
  };
  const says = (what: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (logged.some((line) => line.includes(what))) resolve();
      };
      looking.add(look);
      look();
    });
  const assembled = await assemble({
    config: read.config,
    log: makeLogger({ level: "debug", format: "json", write: note }),
    signal: new AbortController().signal,
    broke: note,
  });
  if ("problem" in assembled) throw new Error(assembled.problem);
  return { ...assembled, directory, says };
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "carillon-access-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Asked for with the client's own trust in whatever certificate comes; answers with that. */
function certificateOf(url: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/v1/topics`, { rejectUnauthorized: false, agent: false }, (response) => {
      resolve((response.socket as TLSSocket).getPeerCertificate());
      response.resume();
    });
    asked.on("error", reject);
    asked.end();
  });
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 50));
}

test("a certificate that changes is served without a restart, and open sessions stay", async () => {
  const directory = newDirectory();
  const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  const write = (name: string) => {
    const pair = makeCertificatePair(name);
    writeFileSync(cert, pair.cert);
    writeFileSync(key, pair.key);
  };
  write("first.example");
  // The session says no token, and the file is looked at every five seconds.
  const files = ["--tls-cert-file", cert, "--tls-key-file", key];
  const server = await start(directory, ...files, "--unauthenticated", "1m");
  onTestFinished(() => server.drain());
  const url = server.serving.url!;
  expect(url).toMatch(/^https:/);
  expect((await certificateOf(url)).subject.CN).toBe("first.example");
  const socket = new WebSocket(`${url.replace("https", "wss")}/v1/live`, ["carillon.v1"], {
    rejectUnauthorized: false,
  });
  await new Promise((resolve) => socket.once("open", resolve));

  writeFileSync(cert, "-----BEGIN CERTIFICATE-----\nhalf");
  await server.says("certificate was not read again");
  expect((await certificateOf(url)).subject.CN).toBe("first.example");
  write("second.example");
  await server.says("another certificate is served");
  expect((await certificateOf(url)).subject.CN).toBe("second.example");
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.terminate();
}, 60_000);

test("a certificate that can't be used stops the start", async () => {
  const directory = newDirectory();
  const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  writeFileSync(cert, makeCertificatePair("a.example").cert);
  writeFileSync(key, makeCertificatePair("b.example").key);
  const failed = await start(directory, "--tls-cert-file", cert, "--tls-key-file", key).catch(
    (error) => error,
  );
  expect(failed).toBeInstanceOf(Failure);
  expect(failed).toMatchObject({ code: "unusable" });
});

test("a key set in a file is read again when it changes", async () => {
  const directory = newDirectory();
  const file = join(directory, "keys.json");
  const make = async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const sign = () =>
      new SignJWT({ sub: "42" })
        .setProtectedHeader({ alg: "EdDSA" })
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey);
    return { text: JSON.stringify({ keys: [await exportJWK(publicKey)] }), sign };
  };
  const [first, second] = [await make(), await make()];
  writeFileSync(file, first.text);
  const server = await start(directory, "--token-key-set-file", file);
  onTestFinished(() => server.drain());
  const statusOf = async (token: string) =>
    (await fetch(`${server.serving.url}/v1/unread`, { headers: { authorization: `Bearer ${token}` } }))
      .status;
  expect(await statusOf(await first.sign())).toBe(200);
  expect(await statusOf(await second.sign())).toBe(401);
  writeFileSync(file, second.text);
  await until(async () => (await statusOf(await second.sign())) === 200);
  expect(await statusOf(await first.sign())).toBe(401);
}, 60_000);
