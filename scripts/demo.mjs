import { script } from "./lib/progress.mjs";
import { runBesideZooKeeper } from "./lib/run-beside-zookeeper.mjs";

await script(() => runBesideZooKeeper("examples/bank/main.ts"));
