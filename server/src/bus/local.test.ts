import { systemClock } from "../clock.ts";
import { examineBus } from "./conformance/bus.ts";
import { makeLocalBus } from "./local.ts";

examineBus("local", {
  capabilities: { interrupt: null, crossesProcesses: false, carries: "rows" },
  make: () => makeLocalBus({ clock: systemClock }),
});
