/** `{ part, to }` for each part that has to move so that every server has its even share, as few as can be. Pure. */
export function spread(
  holders: ReadonlyMap<number, number>,
  servers: number,
): readonly { readonly part: number; readonly to: number }[] {
  const held: number[][] = Array.from({ length: servers }, () => []);
  for (const [part, server] of [...holders].sort(([a], [b]) => a - b)) held[server]!.push(part);
  const least = Math.floor(holders.size / servers);
  let larger = holders.size % servers;
  // Servers that have more keep one more than the others.
  const order = held.map((_, server) => server).sort((a, b) => held[b]!.length - held[a]!.length || a - b);
  const shares = new Map(order.map((server) => [server, larger-- > 0 ? least + 1 : least]));
  const surplus = order.flatMap((server) => held[server]!.slice(shares.get(server)!));
  const moves: { part: number; to: number }[] = [];
  for (const server of order) {
    for (let missing = shares.get(server)! - held[server]!.length; missing > 0; missing--) {
      moves.push({ part: surplus.shift()!, to: server });
    }
  }
  return moves;
}
