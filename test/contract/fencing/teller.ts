import { emit, serve } from "../../helpers/worker-side.js";
import { type Account, deposit } from "./deposit.js";

/** A process that makes one deposit, and thinks about it until it is told to write. */
let goOn: () => void = () => undefined;

export const api = {
  async deposit(account: Account, amount: number): Promise<void> {
    const wait = new Promise<void>((resolve) => (goOn = resolve));
    await deposit(account, amount, (token) => {
      emit("thinking", token);
      return wait;
    });
  },
  write: () => {
    goOn();
  },
};

serve(api);
