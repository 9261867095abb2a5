/** One way to take and give back a lock, to be measured beside the others. */
export interface Contender {
  readonly name: string;
  /** Takes the lock and gives it back, once. */
  cycle(): Promise<void>;
  close(): Promise<void>;
}
