/** asyncapi.json (AsyncAPI 3.0), made of the frames' schemas: what the server sends and receives, live. */
import type { TSchema } from "typebox";
import { closeCodes } from "../src/close-codes.ts";
import { clientFrames, serverFrames } from "../src/frame-schemas.ts";

export const asyncapi = (version: string): object => {
  const messages: Record<string, object> = {};
  const add = (who: string, frames: Readonly<Record<string, TSchema>>): readonly string[] =>
    Object.entries(frames).map(([type, payload]) => {
      const name = `${who}-${type}`;
      messages[name] = { name: type, summary: (payload as { description?: string }).description, payload };
      return name;
    });
  const fromServer = add("server", serverFrames);
  const fromClient = add("client", clientFrames);
  const refs = (path: string, names: readonly string[]) =>
    names.map((name) => ({ $ref: `#/${path}/${name}` }));
  const inChannel = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
  const inEvents = fromServer.filter((name) => name !== "server-cursor" && name !== "server-reply");

  return {
    asyncapi: "3.0.0",
    info: {
      title: "Carillon, live",
      version,
      description:
        "What a client and the server say to each other on a live connection. spec.md is the normative text; long polling, whose answers hold the same frames, is in openapi.json.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    servers: {
      websocket: {
        host: "localhost:7700",
        protocol: "ws",
        security: [{ $ref: "#/components/securitySchemes/token" }],
      },
      events: {
        host: "localhost:7700",
        protocol: "http",
        security: [{ $ref: "#/components/securitySchemes/token" }],
      },
    },
    channels: {
      live: {
        address: "/v1/live",
        title: "WebSocket",
        description: "Subprotocol `carillon.v1`; one frame a text message.",
        servers: [{ $ref: "#/servers/websocket" }],
        messages: inChannel([...fromServer, ...fromClient]),
        bindings: {
          ws: {
            method: "GET",
            query: query(["ticket", "cursor", "device", "cursors"]),
            bindingVersion: "0.1.0",
          },
        },
        "x-close-codes": closeCodes,
      },
      events: {
        address: "/v1/events",
        title: "Server-Sent Events",
        description:
          "`event` is the frame's type, `data` its JSON. The cursor comes in blocks of their own that have only an `id`, and goes back as `Last-Event-ID` or `?cursor=`.",
        servers: [{ $ref: "#/servers/events" }],
        messages: inChannel(inEvents),
        "x-query": query(["ticket", "cursor", "device"]),
      },
    },
    operations: {
      sendLive: operation("send", "live", refs("channels/live/messages", fromServer)),
      receiveLive: operation("receive", "live", refs("channels/live/messages", fromClient)),
      sendEvents: operation("send", "events", refs("channels/events/messages", inEvents)),
    },
    components: {
      messages,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "A token that says who the user is; on a WebSocket also in a first frame `auth`.",
        },
      },
    },
  };
};

/** As the file has it. */
export const asyncapiText = (version: string): string => `${JSON.stringify(asyncapi(version), null, 2)}\n`;

const operation = (action: "send" | "receive", channel: string, messages: readonly object[]): object => ({
  action,
  channel: { $ref: `#/channels/${channel}` },
  messages,
});

const parameters = {
  ticket: { type: "string", description: "Of `POST /v1/tickets`, instead of a token: good once" },
  cursor: { type: "string", description: "Where the client stands; opaque" },
  device: {
    type: "string",
    pattern: "^[!-~]{1,64}$",
    description: "A name under which the server remembers the place of this client",
  },
  cursors: {
    type: "string",
    enum: ["true", "false"],
    description: "`true`: a `cursor` frame after each flush",
  },
};

const query = (names: readonly (keyof typeof parameters)[]): object => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, parameters[name]])),
});
