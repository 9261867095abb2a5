import { advice, whyNot } from "./advice.mjs";
import { canInstall, install } from "./apt.mjs";
import { build, buildIsFresh } from "./build.mjs";
import { installPackages, packagesAreInPlace } from "./npm-packages.mjs";
import { StepError, step } from "./progress.mjs";
import { missing } from "./requirements.mjs";

/**
 * Brings the machine to where the project runs: programs, npm packages, build; says nothing about what is in place.
 * `needs` names groups of the table in requirements.mjs: `{ zookeeper: true, databases: true }`. The compiler is asked for
 * only where packages are to be compiled, and no ZooKeeper where ZK_CONNECT names a server.
 */
export async function setup(needs = {}) {
  const packages = packagesAreInPlace();
  await programs({ ...needs, zookeeper: needs.zookeeper && !process.env.ZK_CONNECT, compiler: !packages });
  if (!packages) await step("npm packages (some are compiled)", installPackages);
  if (!buildIsFresh()) await step("build", build);
}

async function programs(needs) {
  const wanted = missing(needs);
  if (wanted.length === 0) return;
  if (!canInstall()) throw new StepError(advice(wanted, whyNot()));
  const packages = [...new Set(wanted.flatMap(({ apt }) => apt))];
  await step(`system packages: ${packages.join(" ")}`, (onLine) => install(packages, onLine));
  const still = missing(needs);
  if (still.length > 0) throw new StepError(advice(still, "apt-get installed them, and they are not where we look"));
}
