import { createHmac } from "node:crypto";

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const header = encode({ alg: "HS256", typ: "JWT" });

/** A user's token, as an application would sign it with the server's key. */
export function signToken(user: string, signingKey: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const signed = `${header}.${encode({ sub: user, iat: now, exp: now + 3_600 })}`;
  return `${signed}.${createHmac("sha256", signingKey).update(signed).digest("base64url")}`;
}
