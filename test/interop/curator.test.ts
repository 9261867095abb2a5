import { describe } from "@jest/globals";
import { hasCurator, startCurator } from "./peer.js";
import { queueingTogether } from "./queueing.js";

(hasCurator() ? describe : describe.skip)("in one queue with Apache Curator:", () => {
  queueingTogether(startCurator, { sharesReaders: true });
});
