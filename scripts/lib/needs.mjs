/** What the demo and the benchmark need beside the npm packages. */
export const needsOfPrograms = { zookeeper: true };

/**
 * What the tests need: the databases behind the fence guards, the other lock libraries that we queue with, and what plays a
 * terminal for the command line.
 */
export const needsOfTests = { zookeeper: true, databases: true, curator: true, kazoo: true, terminal: true };
