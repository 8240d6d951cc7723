/**
 * Tickets: one-use credentials for URLs, where a token would end in logs and histories. A ticket is what a token opened,
 * said again for a minute: the token's user, its end, and what it may be revoked by.
 *
 * `ct_`, what it says as base64url, `.`, and an HMAC with a key derived from the signing key: no ticket passes for a
 * token nor the other way round. Any process makes one without asking; the store says whether it was used before.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { isName } from "@carillon/protocol/stream";
import type { Clock } from "../clock.ts";
import type { AccessDriver } from "../store/access.ts";
import type { Client } from "./principal.ts";
import { clockToleranceMs } from "./tokens.ts";

export const ticketMs = 60_000;
const longestTicket = 4_096;

export interface Tickets {
  issue(client: Client): { readonly ticket: string; readonly expiresAt: number };
  /**
   * Whose it is, the first time only; null where it isn't genuine, is too old or was used. Asks the store for genuine
   * ones alone, and rejects as the access port does.
   */
  use(ticket: string): Promise<Client | null>;
}

interface Said {
  readonly id: string;
  readonly until: number;
  readonly client: Client;
}

export function openTickets(
  access: Pick<AccessDriver, "useTicket">,
  { signingKeys }: { readonly signingKeys: readonly Buffer[] },
  clock: Pick<Clock, "now">,
  counted: (outcome: "issued" | "used" | "refused") => void,
): Tickets {
  const keys = signingKeys.map((secret) =>
    Buffer.from(hkdfSync("sha256", secret, "", "carillon ticket", 32)),
  );
  const mac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

  function read(ticket: string): Said | null {
    const [, said, signature] = /^(ct_[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(ticket) ?? [];
    if (said === undefined || signature === undefined || ticket.length > longestTicket) return null;
    const given = Buffer.from(signature, "base64url");
    if (!keys.some((key) => timingSafeEqual(given, mac(key, said)))) return null;
    return understand(Buffer.from(said.slice(3), "base64url").toString());
  }

  return {
    issue({ user, expiresAt, issuedAt, tokenId }) {
      const until = Math.ceil(Math.min(clock.now() + ticketMs, expiresAt));
      const what = [randomBytes(16).toString("base64url"), until, user, expiresAt, issuedAt, tokenId];
      const said = `ct_${Buffer.from(JSON.stringify(what)).toString("base64url")}`;
      counted("issued");
      return { ticket: `${said}.${mac(keys[0]!, said).toString("base64url")}`, expiresAt: until };
    },

    async use(ticket) {
      const said = read(ticket);
      const isGood = said !== null && said.until > clock.now();
      // Remembered for longer than it is good: processes' and the store's clocks differ.
      const isFirst = isGood && (await access.useTicket(said.id, said.until + ticketMs + clockToleranceMs));
      counted(isFirst ? "used" : "refused");
      return isFirst ? said.client : null;
    },
  };
}

/** What a process of another version said may be anything. */
function understand(text: string): Said | null {
  const [id, until, user, expiresAt, issuedAt, tokenId] = JSON.parse(text) as unknown[];
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(id)) return null;
  if (typeof user !== "string" || !isName(user)) return null;
  if (typeof until !== "number" || typeof expiresAt !== "number" || typeof issuedAt !== "number") return null;
  if (typeof tokenId !== "string" && tokenId !== null) return null;
  return { id, until, client: { kind: "client", user, expiresAt, issuedAt, tokenId } };
}
