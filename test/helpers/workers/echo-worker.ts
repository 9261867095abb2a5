import { emit, serve } from "../worker-side.js";

/** A worker for the tests of the harness itself. */
export const api = {
  add: (a: number, b: number) => a + b,
  tell: (event: string, data: string) => {
    emit(event, data);
  },
  fail: (code: string) => {
    throw Object.assign(new TypeError("as it was told"), { code });
  },
  exit: (code: number) => {
    console.error("last words");
    process.exit(code);
  },
};

serve(api);
