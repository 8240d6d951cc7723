/** Parameters that several routes share. */
import { namePattern, type StreamName, streamPattern } from "@carillon/protocol/stream";
import Type from "typebox";

const name = "1 to 128 letters, digits and `._~@+:=-`, not beginning with `user:` or `topic:`";

const TopicName = Type.String({ pattern: namePattern, description: `A topic's name: ${name}` });

export const UserId = Type.String({ pattern: namePattern, description: `A user's id: ${name}` });

export const OfUser = Type.Object({ user: UserId }, { additionalProperties: false });

export const OfTopic = Type.Object({ topic: TopicName }, { additionalProperties: false });

export const UserOfTopic = Type.Object({ topic: TopicName, user: UserId }, { additionalProperties: false });

export const Stream = Type.Unsafe<StreamName>(
  Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
);

export const Page = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        pattern: namePattern,
        description: "The `next` of the page before; from the start when absent",
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: "How many at most" }),
    ),
  },
  { additionalProperties: false },
);

export const pageLimit = 100;

/** What a route that writes may answer besides. */
export const storageProblems = ["storage-full", "storage-read-only"] as const;
