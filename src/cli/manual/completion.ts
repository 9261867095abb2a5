import type { Command, Option } from "commander";
import { optionDescription } from "../options.js";

/** What a shell has to evaluate in order to complete `zk-lock`, made from the command line's own definitions. */
export function completionFor(shell: "bash" | "zsh", root: Command): string {
  switch (shell) {
    case "bash":
      return bash(root);
    case "zsh":
      return zsh(root);
    default:
      return shell satisfies never;
  }
}

/** After the resource of `run` come the commands of the system. */
function bash(root: Command): string {
  const options = root.commands.map(
    (command) => `    ${command.name()}) options="${flagsOf(command).join(" ")}"${valuesOf(command)} ;;`,
  );
  return `# bash completion of zk-lock: eval "$(zk-lock completion bash)"
_zk_lock() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" options="" values=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${[...root.commands.map((command) => command.name()), "help", ...flagsOf(root)].join(" ")}" -- "$word"))
    return
  fi
  case "$command" in
${options.join("\n")}
    help) values="${root.commands.map((command) => command.name()).join(" ")}" ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *)
      COMPREPLY=($(compgen -W "$values" -- "$word"))
      if [ "$command" = run ] && [ "$COMP_CWORD" -gt 2 ]; then
        COMPREPLY+=($(compgen -c -f -- "$word"))
      fi
      ;;
  esac
}
complete -o bashdefault -F _zk_lock zk-lock
`;
}

function zsh(root: Command): string {
  const commands = root.commands.map((command) => `    ${quote(`${command.name()}:${command.description()}`)}`);
  const branches = root.commands.map(
    (command) => `    ${command.name()}) _arguments -S ${[...zshOptions(command), ...zshWords(command)].join(" ")} ;;`,
  );
  return `#compdef zk-lock
# zsh completion of zk-lock: eval "$(zk-lock completion zsh)"
_zk_lock() {
  local -a commands=(
${commands.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT -= 1 ))
  case "$words[1]" in
${branches.join("\n")}
    help) _describe command commands ;;
  esac
}
compdef _zk_lock zk-lock
`;
}

function zshOptions(command: Command): string[] {
  return optionsOf(command).flatMap((option) => {
    const description = optionDescription(option).replaceAll(/[[\]:]/g, "\\$&");
    const value = option.required ? `:${option.name()}: ` : "";
    const names = namesOf(option);
    return names.map((name) => quote(`(${names.join(" ")})${name}[${description}]${value}`));
  });
}

/** The words behind the options: a resource, and for \`run\` a command with arguments of its own. */
function zshWords(command: Command): string[] {
  if (command.name() === "run") return [quote("1:resource: "), quote("*::command: _normal -P")];
  return command.registeredArguments.map((argument) =>
    quote(`1:${argument.name()}:${argument.argChoices ? `(${argument.argChoices.join(" ")})` : " "}`),
  );
}

function valuesOf(command: Command): string {
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  return choices.length === 0 ? "" : ` values="${choices.join(" ")}"`;
}

function flagsOf(command: Command): string[] {
  return optionsOf(command).flatMap(namesOf);
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function namesOf({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
