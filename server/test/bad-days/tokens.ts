/** Users' tokens, signed as an application would that shares the server's key: thousands in no time. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const header = part({ alg: "HS256", typ: "JWT" });

export function makeSigner(directory: string): (user: string, ttlMs?: number) => string {
  const key = readFileSync(join(directory, "signing.key"), "utf8").trim();
  return (sub, ttlMs = 3_600_000) => {
    const iat = Date.now() / 1_000;
    const signed = `${header}.${part({ sub, iat, exp: iat + ttlMs / 1_000 })}`;
    return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
  };
}
