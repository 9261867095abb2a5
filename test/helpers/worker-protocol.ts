/** The functions of a worker. What they take and give crosses a process border as a structured clone. */
export type WorkerApi = Readonly<Record<string, (...args: never[]) => unknown>>;

export interface WorkerRequest {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** An error of the worker, as far as it can cross that border. */
export interface WorkerFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: unknown;
  readonly reason: unknown;
}

export type WorkerAnswer =
  | { readonly ready: true }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WorkerFailure }
  | { readonly event: string; readonly data: unknown };
