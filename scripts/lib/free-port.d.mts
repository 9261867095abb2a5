/** A loopback port that nobody listens on, and that this process gives out once only. */
export function freePort(): Promise<number>;
