/** What the demo and the benchmark need beside the npm packages. */
export const needsOfPrograms = { zookeeper: true };

/** What the tests need: the databases behind the fence guards, and the other lock libraries that we queue with. */
export const needsOfTests = { zookeeper: true, databases: true };
