/**
 * Which of several servers a stream is on: rendezvous hashing (Thaler and Ravishankar, "Using Name-Based
 * Mappings to Increase Hit Rates", 1998). Every process that knows the same names comes to the same answer,
 * in whatever order it knows them; a server that joins or leaves moves its own share of the streams alone.
 */

/** FNV-1a over UTF-16 units; names are ASCII. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value;
}

/** The finalizer of MurmurHash3: neighbouring values end far apart. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Gives the index, in `names`, of the server that has the stream. */
export function makeTopology(names: readonly string[]): (stream: string) => number {
  const seeds = names.map((name) => mix(hash(name)));
  if (seeds.length === 1) return () => 0;
  return (stream) => {
    const key = hash(stream);
    let best = 0;
    let highest = -1;
    for (let at = 0; at < seeds.length; at++) {
      const weight = mix(key ^ seeds[at]!);
      if (weight <= highest) continue;
      highest = weight;
      best = at;
    }
    return best;
  };
}
