import { script } from "./lib/progress.mjs";
import { runBesideZooKeeper } from "./lib/run-beside-zookeeper.mjs";

/** Without it, and without ZK_CONNECT, the demo runs on a ZooKeeper in memory. */
const REAL = "--zookeeper";
const args = process.argv.slice(2);

await script(() =>
  runBesideZooKeeper("examples/bank/main.ts", undefined, {
    args: args.filter((word) => word !== REAL),
    isEmbedded: !args.includes(REAL) && !process.env.ZK_CONNECT,
  }),
);
