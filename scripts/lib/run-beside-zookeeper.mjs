import { needsOfPrograms } from "./needs.mjs";
import { inProject, root } from "./project.mjs";
import { runInForeground } from "./run.mjs";
import { reapWithUs } from "./reaper.mjs";
import { setup } from "./setup.mjs";
import { withZooKeeper } from "./with-zookeeper.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Sets up, starts a ZooKeeper and runs one TypeScript program of this project beside it, with ZK_CONNECT in its
 * environment and our arguments. Resolves with its exit code. Signals go to the program; when it is gone, so is the server.
 */
export async function runBesideZooKeeper(program, serverOptions) {
  await setup(needsOfPrograms);
  return withZooKeeper(async (connectString) => {
    const args = ["--import", "tsx", inProject(program), ...process.argv.slice(2)];
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
