import { idOf } from "./frames.ts";
import type { Ledger } from "./ledger.ts";
import type { HttpAnswer, Producer } from "./producer.ts";

export interface Addressed {
  /** Such as `user:b17`. */
  readonly to: string;
  /** What stands for the stream in the ledger. */
  readonly stream: number;
}

/** About 230 bytes, and 280 as it is stored and shown. */
const notificationOf = (to: string, id: number): string =>
  `{"to":"${to}","source":"/bench/orders","id":"${idOf(id)}","type":"order.shipped",` +
  `"data":{"title":"On its way","text":"Order ${id} has left the house","url":"/orders/${id}"}}`;

interface Receipts {
  readonly receipts: readonly { readonly status: string; readonly seq?: number }[];
}

/** Sends one notification to each; resolves when all are durable. */
export async function notify(
  producer: Producer,
  ledger: Ledger,
  recipients: readonly Addressed[],
  sending: (id: number) => void = () => {},
): Promise<void> {
  const ids = recipients.map(({ stream }) => ledger.send(stream));
  const bodies = recipients.map(({ to }, at) => notificationOf(to, ids[at]!));
  const one = bodies.length === 1;
  for (const id of ids) sending(id);
  const answer = await producer.notify(one ? bodies[0]! : `[${bodies.join(",")}]`);
  settle(ledger, ids, one, answer);
}

function settle(ledger: Ledger, ids: readonly number[], one: boolean, { body }: HttpAnswer): void {
  const parsed = JSON.parse(body) as Receipts & { results: readonly Receipts[] };
  const results = one ? [parsed] : parsed.results;
  ids.forEach((id, at) => {
    const [receipt] = results[at]!.receipts;
    // A repeat after a 503 finds what was stored all the same.
    if (receipt?.status === "stored" || receipt?.status === "duplicate") ledger.stored(id, receipt.seq!);
    else if (receipt?.status === "accepted") ledger.stored(id, null);
    else throw new Error(`not accepted: ${JSON.stringify(results[at])}`);
  });
}
