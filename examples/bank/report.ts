import type { Ledger } from "./ledger.js";
import type { Story } from "./story.js";
import { count, money, type Terminal } from "./terminal.js";

interface Run {
  readonly workers: readonly string[];
  readonly story: Story;
  readonly transfers: number;
  readonly moneyBefore: number;
  readonly fenced: boolean;
}

/** The table and the verdict. True: all is as it should be. */
export function report(terminal: Terminal, ledger: Ledger, run: Run): boolean {
  const { workers, story, transfers, moneyBefore, fenced } = run;
  const rows = workers.map((worker) => {
    const { holds = 0, firstToken = null, lastToken = null, refused = 0 } = story.tallies.get(worker) ?? {};
    return [worker, count(holds), String(firstToken ?? "-"), String(lastToken ?? "-"), String(refused)];
  });
  terminal.table(["worker", "holds", "first token", "last token", "stale writes refused"], rows);
  terminal.line("  (A token counts within its account: each account is a lock of its own.)\n");

  const moneyAfter = ledger.total();
  const wrong = ledger.discrepancies();
  const agrees = moneyAfter === moneyBefore && wrong.length === 0;
  terminal.line(`  money before   ${money(moneyBefore).padStart(14)}`);
  terminal.line(`  money after    ${money(moneyAfter).padStart(14)}\n`);
  if (!agrees) sayWhatIsWrong(terminal, { difference: moneyAfter - moneyBefore, wrong });

  const isComplete = ledger.progress() === transfers;
  if (!isComplete)
    terminal.verdict(false, `Of ${count(transfers)} transfers ${count(ledger.progress())} were written.`);
  if (!fenced) {
    if (!agrees) sayWhy(terminal);
    else terminal.verdict(false, "Nothing went wrong, by luck. Run it again.");
    return false;
  }
  const inOrder = ledger.entriesOutOfOrder() === 0;
  const wasRefused = story.lateWrites.some(({ refusal }) => refusal !== null);
  if (agrees) terminal.verdict(true, "They agree, and each balance is the sum of the account's entries.");
  if (!inOrder) terminal.verdict(false, "The tokens of an account do not rise from entry to entry.");
  else terminal.verdict(true, "In each account the tokens rise from entry to entry.");
  if (!wasRefused) terminal.verdict(false, "The late write was not refused.");
  else terminal.verdict(true, "The late write was refused. Without the check: npm run demo -- --no-fence");
  return agrees && isComplete && inOrder && wasRefused;
}

function sayWhatIsWrong(
  terminal: Terminal,
  { difference, wrong }: { difference: number; wrong: ReturnType<Ledger["discrepancies"]> },
): void {
  if (difference !== 0) {
    terminal.verdict(false, `${money(Math.abs(difference))} ${difference > 0 ? "came out of nowhere" : "are gone"}.`);
  }
  for (const { account, cents, booked } of wrong) {
    terminal.verdict(false, `"${account}" has ${money(cents)}; its entries add up to ${money(booked)}.`);
  }
}

function sayWhy(terminal: Terminal): void {
  terminal.line("");
  terminal.say(
    "Every lock did its work: at no time did ZooKeeper give an account to two workers. The stopped worker had even " +
      "made sure of its locks, the very moment before. But between a look at a lock and a write there is always time " +
      "to be stopped, and no client can close that gap. The store can: it refuses a token that is lower than the " +
      "highest it has seen. That is what `npm run demo` shows.",
  );
}
