/**
 * What the tests' servers differ in from the server's own defaults: empty containers are reaped within seconds, so that
 * reaping can be tested, and nothing is forced to disk, since no test outlives a power cut.
 */
export const testProperties: Readonly<Record<string, string | number>>;
