import type { Addressed } from "./notifications.ts";
import type { Producer } from "./producer.ts";

export interface Following {
  readonly topic: string;
  readonly users: readonly Addressed[];
}

const most = 1_000;

/** Makes topics and subscribes their users. */
export async function makeTopics(producer: Producer, topics: readonly Following[]): Promise<void> {
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const { status, body: said } = await producer.request(method, path, JSON.stringify(body));
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${said}`);
  };
  for (const { topic, users } of topics) {
    await call("PUT", `/v1/topics/${topic}`, {});
    for (let at = 0; at < users.length; at += most) {
      const names = users.slice(at, at + most).map(({ to }) => to.slice("user:".length));
      await call("PUT", `/v1/topics/${topic}/subscribers`, { users: names });
    }
  }
}
