/**
 * The class path of a ZooKeeper server: that of ZOOKEEPER_HOME (an unpacked release), of the distribution's package, or of
 * Homebrew. undefined: there is none. A ZOOKEEPER_HOME that holds no ZooKeeper, or one that is too old, is an error.
 */
export function findZooKeeperJars(): string[] | undefined;
