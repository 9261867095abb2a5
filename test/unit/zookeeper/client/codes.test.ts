import { expect, test } from "@jest/globals";
import { readableMs } from "../../../../src/common/clock.js";
import { adviceOn, codeName, isServerAnswer, provesQuorum } from "../../../../src/zookeeper/client/codes.js";

test.each([
  [-125, "QUOTAEXCEEDED (-125)", "listquota"],
  [-127, "THROTTLEDOP (-127)", "later"],
  [-119, "NOTREADONLY (-119)", "quorum"],
  [-5, "MARSHALLINGERROR (-5)", "jute.maxbuffer"],
  [-3, "DATAINCONSISTENCY (-3)", "log"],
  [-6, "UNIMPLEMENTED (-6)", "3.5"],
  [-114, "INVALIDACL (-114)", "auth"],
  [-108, "NOCHILDRENFOREPHEMERALS (-108)", "rootDir"],
])("%d is %s, with advice", (code, name, advice) => {
  expect(codeName(code)).toBe(name);
  expect(adviceOn(code)).toMatch(/^ [A-Z].*[.?]$/);
  expect(adviceOn(code)).toContain(advice);
});

test("a code that nobody knows is told by its number", () => {
  expect(codeName(-999)).toBe("an unknown code (-999)");
  expect(adviceOn(-999)).toBe("");
});

test.each([0, -101, -102, -103, -110, -111, -125])("%d to a write shows that the quorum has heard us", (code) => {
  expect(provesQuorum(code)).toBe(true);
});

test.each([-119, -120, -122, -127])("%d is an answer, but of one server alone", (code) => {
  expect(isServerAnswer(code)).toBe(true);
  expect(provesQuorum(code)).toBe(false);
});

test.each([-2, -4, -7, -9, -112, -116, -118])("%d shows nothing", (code) => expect(provesQuorum(code)).toBe(false));

test.each([
  [497.768_618_999, 498],
  [1, 1],
  [0, 0],
  [0.25, 0.3],
])("%d ms read %d", (ms, read) => expect(readableMs(ms)).toBe(read));
