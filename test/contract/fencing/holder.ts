import { emit, serve } from "../../helpers/worker-side.js";
import { openStore } from "./stores/index.js";
import type { GuardOptions, StoreAddress } from "./stores/store.js";

/** A process that writes through a guard, and stands still in the middle of it until it is told to go on. */
let goOn: () => void = () => undefined;

export const api = {
  async writeSlowly(
    address: StoreAddress,
    options: GuardOptions,
    resource: string,
    token: number,
    key: string,
    value: string,
  ): Promise<void> {
    const store = await openStore(address);
    try {
      const wait = new Promise<void>((resolve) => (goOn = resolve));
      await store.guard(options).run(resource, token, async (tx) => {
        await store.write(tx, key, `${value}, begun`);
        emit("inside");
        await wait;
        await store.write(tx, key, value);
      });
    } finally {
      await store.close();
    }
  },
  go: () => goOn(),
};

serve(api);
