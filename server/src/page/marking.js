/**
 * Marks that were asked for and aren't confirmed: laid over the list until the server's word, so that a refusal leaves
 * nothing behind. And what to say to the server for what a person asks. Pure.
 */

/** @import { Item } from "./inbox.js" */
/** @typedef {"read" | "archive"} Kind */
/** @typedef {{ kind: Kind, keys: ReadonlySet<string>, to: boolean }} Waiting */
/** @typedef {Item & { isWaiting: boolean }} Look */
/** @typedef {{ type: Kind, all: true } | { type: Kind, stream: string, upTo: number } | { type: Kind, stream: string, seqs: number[], undo?: true }} MarkRequest */
/** @typedef {{ waiting: Waiting, requests: readonly MarkRequest[] }} Asked */

const seqsPerRequest = 256;

/** @param {Item} item @param {readonly Waiting[]} waiting @returns {Look} */
export function lookOf(item, waiting) {
  const about = waiting.filter(({ keys }) => keys.has(item.key));
  const said = (/** @type {Kind} */ kind) => about.findLast((each) => each.kind === kind)?.to;
  return {
    ...item,
    read: said("read") ?? item.read,
    archived: said("archive") ?? item.archived,
    isWaiting: about.length > 0,
  };
}

/** @param {Kind} kind @param {readonly Item[]} items @param {boolean} to @returns {Waiting} */
const waitingFor = (kind, items, to) => ({ kind, keys: new Set(items.map(({ key }) => key)), to });

/** Single ones. @param {Kind} kind @param {readonly Item[]} items @param {boolean} to @returns {Asked} */
export function askSingle(kind, items, to) {
  const byStream = Map.groupBy(items.filter(hasSeq), ({ stream }) => stream);
  const requests = [...byStream].flatMap(([stream, some]) => {
    const seqs = some.map(({ seq }) => seq);
    return Array.from({ length: Math.ceil(seqs.length / seqsPerRequest) }, (_, at) => ({
      type: kind,
      stream,
      seqs: seqs.slice(at * seqsPerRequest, (at + 1) * seqsPerRequest),
      ...(to ? {} : { undo: /** @type {const} */ (true) }),
    }));
  });
  return { waiting: waitingFor(kind, items, to), requests };
}

/** An item and all below it, in each of their streams up to the newest of those. @param {readonly Item[]} items newest first @returns {Asked} */
export function askUpTo(items) {
  /** @type {Map<string, number>} */
  const newest = new Map();
  for (const { stream, seq } of items.filter(hasSeq)) {
    newest.set(stream, Math.max(seq, newest.get(stream) ?? 0));
  }
  return {
    waiting: waitingFor("read", items.filter(isUnread), true),
    requests: [...newest].map(([stream, upTo]) => ({ type: "read", stream, upTo })),
  };
}

/** @param {readonly Item[]} items those in the list @returns {Asked} */
export const askAll = (items) => ({
  waiting: waitingFor("read", items.filter(isUnread), true),
  requests: [{ type: "read", all: true }],
});

/** @param {Item} item @returns {item is Item & { seq: number }} */
export const hasSeq = (item) => item.seq !== undefined;

/** @param {Item} item */
export const isUnread = (item) => hasSeq(item) && !item.read;
