import { inProject } from "./project.mjs";

/** Runs `body(connectString)` beside a ZooKeeper in the memory of this process, from the build; it needs no Java. */
export async function withEmbeddedZooKeeper(body) {
  const { InMemoryZooKeeper } = await import(inProject("dist", "testing", "index.js"));
  const zookeeper = new InMemoryZooKeeper();
  const server = await zookeeper.listen();
  try {
    return await body(server.connectString);
  } finally {
    await server.close();
    zookeeper.stop();
  }
}
