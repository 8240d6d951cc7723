import type { CloudEvent, NotificationFrame } from "@carillon/protocol/frames";
import type { Server, User } from "./server.ts";

/** The next so many notifications that a new client of this user is shown, from the start. */
export async function received(server: Server, user: User, count: number): Promise<NotificationFrame[]> {
  using session = server.open("poll", user);
  return await session.notifications(count);
}

/** The only thing that was ever sent to this user. */
export async function onlyEvent(server: Server, user: User): Promise<CloudEvent> {
  const [frame] = await received(server, user, 1);
  return frame!.event;
}
