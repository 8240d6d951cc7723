/** Exit statuses of the command, the same for all verbs. */
export const exitCodes = {
  done: { status: 0, doc: "Done." },
  failed: { status: 1, doc: "Something broke: the server could not start, or a file could not be read." },
  usage: { status: 2, doc: "The command line or the configuration can't be used." },
  refused: { status: 3, doc: "The server answered no: not valid, not allowed, a conflict, no such thing." },
  unreachable: {
    status: 4,
    doc: "The server can't be reached, or stayed unavailable for as long as was waited.",
  },
} as const;

export type Exit = keyof typeof exitCodes;
