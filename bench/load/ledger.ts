/** Who was sent what, and who got it: every run is audited by the ids of its notifications. */

export interface Taken {
  /** From a topic's stream, not the user's own. */
  readonly topic: boolean;
  readonly seq: number;
  readonly prev: number;
  readonly id: number;
}

/** One client's place in one stream. */
export interface Place {
  readonly stream: number;
  last: number;
}

export interface Audit {
  readonly notifications: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly repeated: number;
  /** Out of order, in the wrong stream, or with another seq than the producer was told. */
  readonly wrong: number;
}

export type Look = (deliveries: number, id: number) => void;

export interface Ledger {
  /** A new notification's number; `stream` is any number that stands for a stream. */
  send(stream: number): number;
  /** The producer was told its seq; null: only that it was accepted. */
  stored(id: number, seq: number | null): void;
  take(place: Place, taken: Taken): void;
  /** `look` is called after each delivery, with their number so far; the answer ends that. */
  watch(look: Look): () => void;
  deliveries(): number;
  /** Notifications sent so far. */
  sent(): number;
  audit(places: Iterable<Place>): Audit;
}

/** Whoever isn't told the seqs knows their number all the same: those of a stream are 1 to as many as were sent. */
const untold = -1;

export function makeLedger(most = 2_000_000): Ledger {
  const streamOf = new Int32Array(most);
  const seqTold = new Int32Array(most);
  const seqTaken = new Int32Array(most);
  let count = 0;
  let deliveries = 0;
  let repeated = 0;
  let wrong = 0;
  let looks: readonly Look[] = [];

  return {
    send(stream) {
      streamOf[count] = stream;
      return count++;
    },
    stored(id, seq) {
      seqTold[id] = seq ?? untold;
    },
    take(place, { seq, prev, id }) {
      deliveries++;
      if (seq <= place.last) repeated++;
      else if (seq !== place.last + 1 || prev !== place.last || streamOf[id] !== place.stream) wrong++;
      if (seqTaken[id] === 0) seqTaken[id] = seq;
      else if (seqTaken[id] !== seq) wrong++;
      place.last = seq;
      for (const look of looks) look(deliveries, id);
    },
    watch(look) {
      looks = [...looks, look];
      return () => {
        looks = looks.filter((other) => other !== look);
      };
    },
    deliveries: () => deliveries,
    sent: () => count,
    audit(places) {
      const heads = new Map<number, number>();
      for (let id = 0; id < count; id++) {
        const head = heads.get(streamOf[id]!) ?? 0;
        const told = seqTold[id]!;
        heads.set(streamOf[id]!, told === untold ? head + 1 : Math.max(told, head));
      }
      const followed = new Set<number>();
      let lost = 0;
      for (const place of places) {
        followed.add(place.stream);
        lost += Math.max(0, (heads.get(place.stream) ?? 0) - place.last);
      }
      let disagreeing = 0;
      for (let id = 0; id < count; id++) {
        const told = seqTold[id]!;
        const agrees = told === untold ? seqTaken[id] !== 0 : seqTaken[id] === told;
        if (followed.has(streamOf[id]!) && !agrees) disagreeing++;
      }
      return { notifications: count, deliveries, lost, repeated, wrong: wrong + disagreeing };
    },
  };
}
