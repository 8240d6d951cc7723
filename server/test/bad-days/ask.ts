/** One HTTP request, and whatever came back: the whole answer, or nothing. */
import { Agent, type IncomingHttpHeaders, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: unknown;
}

export interface Asked {
  readonly method?: string;
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Null when the connection broke before the answer was whole: nothing is known then. */
export function ask(url: string, asked: Asked = {}): Promise<Answer | null> {
  const { method = "GET", bearer, headers = {}, body, signal } = asked;
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      { method, agent, headers: { ...authorization, ...headers }, ...(signal ? { signal } : {}) },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", () => resolve(null));
        incoming.on("close", () => {
          if (!incoming.complete) return resolve(null);
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0, headers } = incoming;
          resolve({ status, headers, text, json: parsed(text) });
        });
      },
    );
    outgoing.on("error", () => resolve(null));
    outgoing.end(body);
  });
}

/** The answer, which must be there and have this status. */
export async function must(status: number, url: string, asked: Asked = {}): Promise<Answer> {
  const answer = await ask(url, asked);
  if (answer?.status === status) return answer;
  throw new Error(`${asked.method ?? "GET"} ${url}: ${answer?.status} ${answer?.text}`);
}

export const json = (value: unknown): Pick<Asked, "method" | "headers" | "body"> => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

export async function tokenFor(
  { url, apiKey }: { readonly url: string; readonly apiKey: string },
  user: string,
  ttl = "24h",
): Promise<string> {
  const answer = await must(201, `${url}/v1/users/${user}/tokens`, { ...json({ ttl }), bearer: apiKey });
  return (answer.json as { token: string }).token;
}
