import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from "cloudevents";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, serve } from "../process.ts";
import { tokenFor } from "../producer.ts";

let server: Server;
beforeAll(async () => {
  server = await serve();
});
afterAll(() => server.stop());

const made = (user: string, id: string, more: object = {}) =>
  new CloudEvent({ id, source: "/sdk", type: "made", to: `user:${user}`, ...more });

/** What the user is shown, as the SDK reads it; it refuses what is no CloudEvent. */
async function shownTo(user: string): Promise<CloudEvent<unknown>[]> {
  const token = await tokenFor(server, user);
  const response = await fetch(`${server.url}/v1/poll?wait=0`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { frames } = (await response.json()) as { frames: { event: Record<string, unknown> }[] };
  return frames.map(({ event }) => {
    const { body, headers } = HTTP.structured(new CloudEvent(event));
    return HTTP.toEvent({ body, headers }) as CloudEvent<unknown>;
  });
}

const at = () => `${server.url}/v1/notifications`;
const headers = () => ({ authorization: `Bearer ${server.key}` });

test.each([Mode.BINARY, Mode.STRUCTURED])("the SDK's emitter sends in %s mode", async (mode) => {
  const user = `sdk-${mode}`;
  const emit = emitterFor(httpTransport(at()), { mode });
  // The SDK puts attributes into headers as they are, though the binding asks for percent-encoding.
  const subject = mode === Mode.BINARY ? "Cafe" : "Café 100%";
  const events = [
    made(user, "object", { data: { title: "Ünïcode ☃", deep: [1, { two: 2 }] }, subject }),
    made(user, "text", { data: "plain ☃", datacontenttype: "text/plain" }),
    made(user, "routed", { data: [], silent: true, collapsekey: "k", shard: 3 }),
    made(user, "bytes", {
      data: new Uint8Array([0, 1, 254, 255]),
      datacontenttype: "application/octet-stream",
    }),
  ];
  for (const event of events) {
    const { body } = (await emit(event, { headers: headers() })) as { body: string };
    expect(JSON.parse(body), event.id).toMatchObject({ id: event.id, receipts: [{ status: "stored" }] });
  }
  const shown = await shownTo(user);
  expect(shown.map(({ id }) => id)).toEqual(["object", "text", "routed", "bytes"]);
  expect(shown[0]).toMatchObject({ data: events[0]!.data, subject, time: events[0]!.time });
  expect(shown[1]?.data).toBe("plain ☃");
  expect(shown[2]).toMatchObject({ silent: true, collapsekey: "k" });
  expect(Number(shown[2]?.["shard"])).toBe(3);
  expect(Buffer.from(shown[3]?.data as Uint8Array)).toEqual(Buffer.from([0, 1, 254, 255]));
});

test("a batch of the SDK's events, and the same again in another form is a duplicate", async () => {
  const events = ["a", "b", "c"].map((id) => made("sdk-batch", id, { data: { id } }));
  const response = await fetch(at(), {
    method: "POST",
    headers: { ...headers(), "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
  expect((await shownTo("sdk-batch")).map(({ data }) => data)).toEqual(["a", "b", "c"].map((id) => ({ id })));

  for (const message of [HTTP.binary(events[0]!), HTTP.structured(events[0]!)]) {
    const again = await fetch(at(), {
      method: "POST",
      headers: { ...headers(), ...(message.headers as Record<string, string>) },
      body: message.body as string,
    });
    expect(await again.json()).toMatchObject({ receipts: [{ status: "duplicate", seq: 1 }] });
  }
});
