/** What the manual page tells beyond the options. */
export const DETAILS: readonly { readonly title: string; readonly paragraphs: readonly string[] }[] = [
  {
    title: "THE COMMAND AND ITS PROCESS GROUP",
    paragraphs: [
      "run starts the command at the head of a session and a process group of its own, with our standard input, output " +
        "and error. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGWINCH go to that group, once each; Ctrl-Z " +
        "stops it along with us. What the command leaves running when it ends goes on without the lock. A signal that may not be " +
        "passed on, as the command runs as another user, is a line on stderr; the lock is kept until the command ends.",
      "The command has no controlling terminal: it can read and write the terminal, but not open /dev/tty, and a shell " +
        "has no job control. For programs that need it (ssh or sudo asking for a password, an interactive shell) there is " +
        "--foreground: the command stays in our group, the terminal's signals reach it directly, and on loss of the lock " +
        "only the command itself is ended, not what it started.",
    ],
  },
  {
    title: "LOSS OF THE LOCK",
    paragraphs: [
      "The lease runs two thirds of the session timeout from the last sign that ZooKeeper heard us. When it is over, the " +
        "command and its session get SIGTERM, and SIGKILL a fifteenth of the session timeout later, long enough before ZooKeeper can give " +
        "the lock to somebody else. Where somebody else has it already, as after a forced release, SIGKILL comes 0.25 s " +
        "after SIGTERM. On Linux all process groups of the session are ended, elsewhere that of the command; what has made a " +
        "session of its own stays out of reach. A longer --ttl gives more time to clean up, and makes others wait longer after a crash.",
      "If zk-lock itself is stopped for long, the command goes on without the lock until zk-lock runs again; then it is " +
        "killed first of all. If zk-lock is killed by SIGKILL, a small watchdog process ends the session in its place, and " +
        "the lock is free when the session times out. For certainty let the store that the command writes to check " +
        "ZK_LOCK_TOKEN, and refuse one lower than the highest it has seen.",
    ],
  },
  {
    title: "NODE MODULES",
    paragraphs: [
      "With --node the command is the path of a Node module. It is sent { ping: x } six times in a session timeout, and " +
        "has to answer { pong: x } by process.send. When an answer takes longer than the session timeout (or --ttl, if " +
        "that is less) the module is ended, and the exit code is 4.",
    ],
  },
];
