/**
 * What the tests' servers differ in from the server's own defaults: empty containers are reaped within seconds, so that
 * reaping can be tested, and nothing is forced to disk, since no test outlives a power cut.
 * @type {Readonly<Record<string, string | number>>}
 */
export const testProperties = Object.freeze({
  "znode.container.checkIntervalMs": 1_000,
  "zookeeper.forceSync": "no",
});
