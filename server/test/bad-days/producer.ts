/** Producers that send until they are stopped, and the same again with the same id whenever no answer came. */
import type { StreamName } from "@carillon/protocol/stream";
import { type Answer, type Asked, ask } from "./ask.ts";
import type { Dice } from "./dice.ts";
import type { Gate } from "./gate.ts";
import type { Ledger, Sent } from "./ledger.ts";

export interface Producer {
  /** Finishes what it has begun, and sends a last one to every stream: all that it has sent is promised then. */
  stop(): Promise<void>;
}

export interface ProducerOptions {
  readonly name: string;
  /** Asked before each attempt. */
  readonly gate: Pick<Gate, "url">;
  readonly apiKey: string;
  readonly ledger: Ledger;
  readonly dice: Dice;
  readonly streams: readonly StreamName[];
  /** An answer with promises came. */
  readonly onPromise: () => void;
  /** It was refused with 503, or the connection was lost, after so long. */
  readonly onRefusal?: (answer: Answer | null, tookMs: number) => void;
  /** What takes longer is given up, and sent again. */
  readonly patienceMs?: number;
}

interface Receipt {
  readonly to: StreamName;
  readonly status: string;
  readonly seq?: number;
}

interface Result {
  readonly id: string;
  readonly receipts: readonly Receipt[];
}

const batchMost = 20;

/** From an id: what a producer sent in a later request comes later in each stream. */
export function requestOf(id: string): { readonly producer: string; readonly request: number } {
  const [producer, request] = id.split("-");
  return { producer: producer!, request: Number(request) };
}

const source = "/bad-days";

const eventOf = ({ id, to, data }: Sent): object => ({ id, to, source, type: "test", data });

/** The forms that a batch can have; what it says is the same. */
const forms: readonly ((batch: readonly Sent[]) => Asked)[] = [
  (batch) => ({
    headers: { "content-type": "application/json" },
    body: JSON.stringify(batch.map(eventOf)),
  }),
  (batch) => ({
    headers: { "content-type": "application/x-ndjson" },
    body: batch.map((one) => JSON.stringify(eventOf(one))).join("\n"),
  }),
];

/** Of a batch some could not be kept: the same again, all of it. */
function isPartly503({ status, json }: Answer): boolean {
  if (status !== 207) return false;
  const { results } = json as { results: readonly { readonly error?: { readonly status: number } }[] };
  return results.every(({ error }) => error === undefined || error.status === 503);
}

const one = (sent: Sent): Asked => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(eventOf(sent)),
});

export function produce(options: ProducerOptions): Producer {
  const { name, gate, apiKey, ledger, dice, streams, onPromise, onRefusal, patienceMs } = options;
  let serial = 0;
  let request = 0;
  let stopped = false;

  const next = (): Sent => {
    const count = dice.chance(0.8) ? 1 : 2 + dice.int(streams.length - 1);
    const to = new Set(Array.from({ length: count }, () => dice.pick(streams)));
    const data = "x".repeat(dice.chance(0.02) ? 30_000 : dice.int(300));
    return { id: `${name}-${request}-${serial++}`, to: [...to], data };
  };

  function note(result: Result, again: boolean): void {
    for (const { to, status, seq } of result.receipts) {
      const placed = status === "duplicate" || (status === "stored" && !again);
      if (placed ? seq === undefined : status !== "accepted")
        ledger.violated(`${result.id} to ${to}: ${status} ${seq}`);
      else ledger.promised(result.id, to, seq ?? null);
    }
  }

  /** Until all of it is taken. A 503 says that nothing is known, as no answer does. */
  async function send(asked: Asked): Promise<Answer> {
    for (;;) {
      const url = await gate.url();
      const startedAt = performance.now();
      const answer = await ask(`${url}/v1/notifications`, {
        ...asked,
        method: "POST",
        bearer: apiKey,
        ...(patienceMs === undefined ? {} : { signal: AbortSignal.timeout(patienceMs) }),
      });
      if (answer?.status === 202) return answer;
      if (answer !== null && answer.status !== 503 && !isPartly503(answer)) {
        throw new Error(`${name} was answered ${answer.status} ${answer.text}`);
      }
      onRefusal?.(answer, performance.now() - startedAt);
    }
  }

  /** Something promised long ago, or just now: it must have the place that it had. */
  async function sendAgain(): Promise<void> {
    const known = ledger.some(dice.int(ledger.count()));
    if (known === null) return;
    note((await send(one(known))).json as Result, true);
  }

  async function run(): Promise<void> {
    for (; !stopped; request++) {
      if (dice.chance(0.1)) await sendAgain();
      if (dice.chance(0.5)) {
        const sent = next();
        ledger.sending(sent);
        note((await send(one(sent))).json as Result, false);
      } else {
        const batch = Array.from({ length: 1 + dice.int(batchMost) }, next);
        for (const sent of batch) ledger.sending(sent);
        const { results } = (await send(dice.pick(forms)(batch))).json as { results: readonly Result[] };
        for (const result of results) note(result, false);
      }
      onPromise();
    }
    const last = { id: `${name}-${request}-last`, to: streams, data: "" };
    ledger.sending(last);
    note((await send(one(last))).json as Result, false);
  }

  const running = run();
  running.catch((error: Error) => ledger.violated(error.message));
  return {
    stop() {
      stopped = true;
      return running;
    },
  };
}
