import { isatty } from "node:tty";
import { createInterface } from "node:readline/promises";
import { errorIsTerminal } from "./output.js";
import { printable } from "./printable.js";
import { Interruption, Problem } from "../problem.js";

const STDIN = 0;

/** Asks a question on the terminal; anything but yes is no. @throws Problem 64 where there is no terminal */
export async function confirmed(question: string): Promise<boolean> {
  if (!isatty(STDIN) || !errorIsTerminal()) {
    throw new Problem(`${question} There is no terminal to answer at: say --yes.`, "usage");
  }
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve, reject) => {
      // Ctrl-D answers nothing, which is no; Ctrl-C is the end.
      dialogue.once("close", () => resolve(false));
      dialogue.once("SIGINT", () => reject(new Interruption("SIGINT")));
      void dialogue
        .question(`${printable(question)} [y/N] `)
        .then((answer) => resolve(/^y(es)?$/i.test(answer.trim())));
    });
  } finally {
    dialogue.close();
  }
}
