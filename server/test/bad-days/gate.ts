/** Where the server is, for those who wait while it is not there. */
export interface Gate {
  /** The server's URL, once there is one. */
  url(): Promise<string>;
  open(url: string): void;
  close(): void;
}

export function makeGate(): Gate {
  let next = Promise.withResolvers<string>();
  let open = false;
  return {
    url: () => next.promise,
    open(url) {
      open = true;
      next.resolve(url);
    },
    close() {
      if (open) next = Promise.withResolvers();
      open = false;
    },
  };
}
