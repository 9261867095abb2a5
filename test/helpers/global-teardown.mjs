import { server } from "./global-setup.mjs";

/** Jest's globalTeardown: ends the server that globalSetup started, by its process number. */
export default async function tearDown() {
  await server?.stop();
}
