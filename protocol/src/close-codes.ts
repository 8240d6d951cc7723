/**
 * WebSocket close codes. 3000-3499: come back, with the cursor. 3500-3999: don't come back the same way.
 * SSE and polling say the same with the problem of the same name.
 */
export const closeCodes = {
  draining: {
    code: 3000,
    doc: "The server is shutting down; connect again, elsewhere if there is an elsewhere.",
  },
  "slow-consumer": {
    code: 3001,
    doc: "The client read too slowly for too long; connect again with the cursor.",
  },
  unresponsive: { code: 3002, doc: "Nothing was heard from the client for two heartbeats." },
  overloaded: { code: 3003, doc: "The server has too much to do; connect again after the retry time." },
  unavailable: { code: 3004, doc: "The store is away; connect again after the retry time." },
  "token-expired": { code: 3500, doc: "The token expired; connect with a fresh one." },
  "token-invalid": { code: 3501, doc: "The token is not valid here." },
  "auth-timeout": { code: 3502, doc: "No token came within the time allowed." },
  "frame-invalid": {
    code: 3503,
    doc: "A frame was not valid: not JSON, not of a known type, or out of bounds.",
  },
  "frame-too-large": { code: 3504, doc: "A frame was larger than allowed." },
  "too-many-frames": { code: 3505, doc: "More frames a second than allowed." },
  "cursor-invalid": { code: 3506, doc: "The cursor is damaged or of an unknown version; start without one." },
  "too-many-sessions": { code: 3507, doc: "The user has as many sessions as are allowed." },
  "token-revoked": { code: 3508, doc: "The token was revoked; come back with a new one, if there is one." },
  "ticket-invalid": { code: 3509, doc: "The ticket is unknown, used before, or too old; get another." },
  "user-erased": { code: 3510, doc: "The user was erased, and all of their tokens are revoked." },
} as const;

export type CloseReason = keyof typeof closeCodes;
