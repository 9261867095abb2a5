import { type Clock, systemClock } from "../../common/clock.js";

/**
 * Real time for the network: a message on its way keeps the process alive, as a socket does. What never comes to an
 * end, the sessions' ticks, does not.
 */
export const realClock: Clock & { background: Clock["after"] } = {
  ...systemClock,
  after: (delayMs, action) => systemClock.after(delayMs, action, true),
  background: (delayMs, action) => systemClock.after(delayMs, action),
};
