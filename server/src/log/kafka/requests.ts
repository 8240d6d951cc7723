/**
 * The two requests that carry notifications, on a connection of the client's. Each partition answers for itself: the
 * client's own versions throw all of an answer away when one partition has an error. Versions 9 and 13 are spoken by
 * every Kafka from 3.1 on. Source: https://kafka.apache.org/protocol
 */
import { type Connection, protocolErrorsCodesById, type Reader, Writer } from "@platformatic/kafka";

const acksOfAll = -1;
const readUncommitted = 0;
const produce = { key: 0, version: 9 };
const fetch = { key: 1, version: 13 };

export const ErrorCode = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  topicAuthorizationFailed: 29,
  clusterAuthorizationFailed: 31,
  invalidTimestamp: 32,
  policyViolation: 44,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducerId: 59,
  invalidRecord: 87,
} as const;

export const errorName = (code: number): string => protocolErrorsCodesById[code] ?? `error ${code}`;

const call = <T>(
  connection: Connection,
  api: { readonly key: number; readonly version: number },
  request: () => Writer,
  parse: (reader: Reader) => T,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const parser = (_correlation: number, _key: number, _version: number, reader: Reader): T => parse(reader);
    connection.send<T>(api.key, api.version, request, parser, true, true, (error, answer) => {
      if (error) reject(error);
      else resolve(answer as T);
    });
  });

export interface Produced {
  readonly part: number;
  readonly code: number;
  readonly message: string | null;
}

export function produceTo(
  connection: Connection,
  topic: string,
  timeoutMs: number,
  batches: readonly { readonly part: number; readonly bytes: Buffer }[],
): Promise<Produced[]> {
  const request = (): Writer =>
    Writer.create()
      .appendString(null)
      .appendInt16(acksOfAll)
      .appendInt32(timeoutMs)
      .appendArray([topic], (to, name) => {
        to.appendString(name).appendArray([...batches], (batchTo, { part, bytes }) => {
          batchTo.appendInt32(part).appendBytes(bytes);
        });
      })
      .appendTaggedFields();
  const parse = (from: Reader): Produced[] =>
    from
      .readArray((topics) => {
        topics.readString();
        return topics.readArray((parts): Produced => {
          const part = parts.readInt32();
          const code = parts.readInt16();
          parts.skip(24);
          parts.readArray((errors) => {
            errors.readInt32();
            errors.readNullableString();
          });
          return { part, code, message: parts.readNullableString() };
        });
      })
      .flat();
  return call(connection, produce, request, parse);
}

export interface FetchFrom {
  readonly part: number;
  readonly offset: bigint;
}

export interface Fetched {
  readonly part: number;
  readonly code: number;
  readonly records: Buffer | null;
}

export interface FetchBounds {
  readonly waitMs: number;
  readonly bytes: number;
  readonly partBytes: number;
}

/** Partitions earlier in `from` are served first; a batch that is larger than the bounds comes whole. */
export function fetchFrom(
  connection: Connection,
  topicId: string,
  bounds: FetchBounds,
  from: readonly FetchFrom[],
): Promise<{ readonly code: number; readonly parts: readonly Fetched[] }> {
  const request = (): Writer =>
    Writer.create()
      .appendInt32(-1)
      .appendInt32(bounds.waitMs)
      .appendInt32(1)
      .appendInt32(bounds.bytes)
      .appendInt8(readUncommitted)
      .appendInt32(0)
      .appendInt32(-1)
      .appendArray([topicId], (to, id) => {
        to.appendUUID(id).appendArray([...from], (partTo, { part, offset }) => {
          partTo.appendInt32(part).appendInt32(-1).appendInt64(offset).appendInt32(-1).appendInt64(-1n);
          partTo.appendInt32(bounds.partBytes);
        });
      })
      .appendArray([], () => {})
      .appendString("")
      .appendTaggedFields();
  const parse = (answer: Reader) => {
    answer.readInt32();
    const code = answer.readInt16();
    answer.readInt32();
    const parts = answer
      .readArray((topics) => {
        topics.readUUID();
        return topics.readArray((some): Fetched => {
          const part = some.readInt32();
          const partCode = some.readInt16();
          some.skip(24);
          some.readNullableArray((aborted) => {
            aborted.skip(16);
          });
          some.readInt32();
          return { part, code: partCode, records: some.readNullableBytes() };
        });
      })
      .flat();
    return { code, parts };
  };
  return call(connection, fetch, request, parse);
}
