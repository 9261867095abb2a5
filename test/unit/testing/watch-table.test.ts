import { expect, test } from "@jest/globals";
import { WatchTable, type Watcher } from "../../../src/testing/ensemble/watch-table.js";

function watcher(): { told: string[] } & Watcher {
  const told: string[] = [];
  return { told, notify: (event, path) => void told.push(`${event} ${path}`) };
}

test("each watch tells once, and a delete tells a watcher once for both kinds", () => {
  const table = new WatchTable();
  const [one, other] = [watcher(), watcher()];
  table.data.add("/d/a", one);
  table.children.add("/d/a", one);
  table.children.add("/d", other);
  table.trigger("deleted", "/d/a");
  table.trigger("created", "/d/a");
  expect([one.told, other.told]).toEqual([["deleted /d/a"], ["child /d"]]);
});

test("a watcher that is forgotten hears nothing, and others still do", () => {
  const table = new WatchTable();
  const [one, other] = [watcher(), watcher()];
  for (const each of [one, other]) table.data.add("/d", each);
  table.children.add("/d", one);
  table.forget(one);
  table.trigger("changed", "/d");
  table.trigger("created", "/d/a");
  expect([one.told, other.told, table.data.pathsOf(one)]).toEqual([[], ["changed /d"], []]);
});
