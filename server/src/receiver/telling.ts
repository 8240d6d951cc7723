import type { BusDriver } from "../bus/driver.ts";
import type { Touched } from "../store/directory.ts";

/** Tells the bus whose subscriptions were touched, so that their sessions follow at once. */
export function tell(bus: Pick<BusDriver, "publish">, { changed }: Touched): void {
  if (changed.length > 0) bus.publish(changed.map(({ stream, rev }) => ({ type: "changed", stream, rev })));
}
