/** A Redis server as the configuration names it, and as it may be named to people: without credentials. */
export interface RedisAddress {
  readonly url: string;
  /** host:port, the same in every process: it decides which streams the server has. */
  readonly name: string;
}

/** Throws, without repeating what it was given, when that isn't the URL of a server. */
export function redisAddress(url: string): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !["redis:", "rediss:"].includes(parsed.protocol) || parsed.hostname === "") {
    throw new Error("a Redis server is given as redis://[user:password@]host[:port], or rediss:// for TLS");
  }
  return { url, name: `${parsed.hostname}:${parsed.port || "6379"}` };
}
