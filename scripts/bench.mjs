import { script } from "./lib/progress.mjs";
import { runBesideZooKeeper } from "./lib/run-beside-zookeeper.mjs";

// Measuring is no place for the quick-start compiler that the tests' servers use.
await script(() => runBesideZooKeeper("benchmarks/main.ts", { jvmFlags: ["-XX:TieredStopAtLevel=4", "-Xmx1g"] }));
