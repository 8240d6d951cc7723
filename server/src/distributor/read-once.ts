/**
 * At most one read of a key under way, and one more for all who ask meanwhile: what they get was read after they
 * had asked. However often one user asks for something dear, others wait for two reads at most.
 */
export function readOnce<T>(read: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const underWay = new Map<string, { readonly read: Promise<T>; next: Promise<T> | null }>();

  function begin(key: string): Promise<T> {
    const mine = { read: read(key), next: null };
    underWay.set(key, mine);
    const done = () => {
      if (mine.next === null) underWay.delete(key);
    };
    mine.read.then(done, done);
    return mine.read;
  }

  return (key) => {
    const known = underWay.get(key);
    if (known === undefined) return begin(key);
    const again = () => begin(key);
    known.next ??= known.read.then(again, again);
    return known.next;
  };
}
