import { describe } from "@jest/globals";
import { hasKazoo, startKazoo } from "./peer.js";
import { queueingTogether } from "./queueing.js";

(hasKazoo() ? describe : describe.skip)("in one queue with kazoo:", () => {
  queueingTogether(startKazoo);
});
