import { needsOfPrograms } from "./needs.mjs";
import { inProject, root } from "./project.mjs";
import { runInForeground } from "./run.mjs";
import { reapWithUs } from "./reaper.mjs";
import { setup } from "./setup.mjs";
import { withEmbeddedZooKeeper } from "./with-embedded-zookeeper.mjs";
import { withZooKeeper } from "./with-zookeeper.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Sets up, starts a ZooKeeper and runs one TypeScript program of this project beside it, with ZK_CONNECT in its
 * environment and our arguments, or `args`; the ZooKeeper is one in memory where `isEmbedded` says so. Resolves with its exit code. Signals go to the program; when it is gone, so is the server.
 */
export async function runBesideZooKeeper(
  program,
  serverOptions,
  { args: words = process.argv.slice(2), isEmbedded = false } = {},
) {
  await setup(isEmbedded ? {} : needsOfPrograms);
  const beside = isEmbedded ? withEmbeddedZooKeeper : withZooKeeper;
  return beside(async (connectString) => {
    const args = ["--import", "tsx", inProject(program), ...words];
    let child;
    let forget = () => {};
    // A terminal's Ctrl-C has reached the program already; one more of the same does no harm.
    const passOn = (signal) => child?.kill(signal);
    for (const signal of SIGNALS) process.on(signal, passOn);
    try {
      return await runInForeground(process.execPath, args, {
        cwd: root,
        env: { ZK_CONNECT: connectString },
        onSpawn: (spawned) => {
          child = spawned;
          forget = reapWithUs({ pid: child.pid, marker: program });
        },
      });
    } finally {
      forget();
      for (const signal of SIGNALS) process.off(signal, passOn);
    }
  }, serverOptions);
}
