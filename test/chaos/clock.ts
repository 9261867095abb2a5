/**
 * Milliseconds on CLOCK_MONOTONIC, which is one clock for all processes of a machine: what two processes read can be compared.
 * It goes on while a process is stopped.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
