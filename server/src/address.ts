/**
 * Whose request it is: the address that connected, or, where that is a proxy which is trusted by name, the last one in
 * `X-Forwarded-For` that isn't. What a stranger writes there is never believed.
 */
import { BlockList, isIP, isIPv6 } from "node:net";

/** An address, or a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address, prefix, ...more] = text.split("/");
  const version = isIP(address ?? "");
  if (version === 0 || more.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** As a forwarding proxy or a dual-stack socket may write it: with a port, in brackets, mapped from IPv4. */
function plain(text: string): string | null {
  const written = text.trim().replace(/^(\d+(?:\.\d+){3}):\d+$/, "$1");
  const bare = /^\[(.+)\](?::\d+)?$/.exec(written)?.[1] ?? written;
  const address = bare.replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 0 ? null : address;
}

const family = (address: string): "ipv4" | "ipv6" => (isIPv6(address) ? "ipv6" : "ipv4");

export interface Arrived {
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export type AddressOf = (request: Arrived) => string;

export function makeAddressOf(trusted: readonly string[]): AddressOf {
  const list = new BlockList();
  for (const network of trusted) {
    const [address, prefix] = network.split("/") as [string, string | undefined];
    if (prefix === undefined) list.addAddress(address, family(address));
    else list.addSubnet(address, Number(prefix), family(address));
  }
  return ({ socket, headers }) => {
    let address = plain(socket.remoteAddress ?? "") ?? "unknown";
    const said = [headers["x-forwarded-for"] ?? []].flat().join(",");
    const hops = said === "" ? [] : said.split(",");
    while (hops.length > 0 && isIP(address) !== 0 && list.check(address, family(address))) {
      const next = plain(hops.pop()!);
      if (next === null) break;
      address = next;
    }
    return address;
  };
}
