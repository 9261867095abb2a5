import type { Discipline } from "./discipline.js";

/** What is locked: a resource, where its queue is stored, and how that queue is read. */
export interface Target {
  readonly resource: string;
  readonly directory: string;
  readonly discipline: Discipline;
}
