/**
 * Stream names.
 *
 * A stream is an ordered log of notifications. Each user has one, `user:<id>`, and each topic has one,
 * `topic:<name>`. A name is the identity of its stream everywhere: on the wire, in the log, in the store.
 */

export type StreamName = `user:${string}` | `topic:${string}`;

/**
 * Ids and topic names: 1 to 128 of these characters; no control characters, spaces, commas or slashes. They
 * don't begin as a stream does, so that a stream given for a bare id doesn't quietly make another one.
 */
export const namePattern = "^(?!user:|topic:)[A-Za-z0-9._~@+:=-]{1,128}$";
export const streamPattern = "^(user|topic):(?!user:|topic:)[A-Za-z0-9._~@+:=-]{1,128}$";

const name = new RegExp(namePattern);
const stream = new RegExp(streamPattern);

export const isName = (value: string): boolean => name.test(value);
export const isStreamName = (value: string): value is StreamName => stream.test(value);

export const userStream = (user: string): StreamName => `user:${user}`;
export const topicStream = (topic: string): StreamName => `topic:${topic}`;

export const isTopicStream = (value: StreamName): boolean => value.startsWith("topic:");

/** The part of a stream's name behind its kind: `42` of `user:42`. */
export const ownerOf = (value: StreamName): string => value.slice(value.indexOf(":") + 1);
