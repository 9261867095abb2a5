#!/usr/bin/env node
import { endProcess } from "./exit.js";
import { perform } from "./program.js";

// An empty variable is as good as none: that is how shells and unit files switch one off.
for (const name of Object.keys(process.env)) {
  if (name.startsWith("ZK_LOCK_") && process.env[name] === "") Reflect.deleteProperty(process.env, name);
}

// Not left to Node's own end: a connection on its way out must not keep a finished command waiting.
endProcess(await perform(process.argv.slice(2)));
