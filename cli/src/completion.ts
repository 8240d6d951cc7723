/** Completion for shells: scripts that know every verb, what it does, its first words and its flags. */
import { flag, optionNames, optionOf } from "@carillon/server/config/options";
import { UsageError, type Verb, verb } from "./verb.ts";

interface Known {
  readonly name: string;
  readonly summary: string;
  /** What may follow it: `create`, `list`. */
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

const scripts: Readonly<Record<string, (known: readonly Known[]) => string>> = { bash, zsh, fish };

/** `verbs` are asked for when they are needed: this verb is one of them. */
export const completion = (verbs: () => readonly Verb[]) =>
  verb({
    name: "completion",
    summary: "print a script that lets a shell complete this command",
    usage: ["bash|zsh|fish"],
    flags: {},
    words: [1, 1],
    more: () =>
      [
        'bash, in ~/.bashrc:                     eval "$(carillon completion bash)"',
        'zsh, in ~/.zshrc, behind compinit:      eval "$(carillon completion zsh)"',
        "fish:                                   carillon completion fish > ~/.config/fish/completions/carillon.fish",
      ].join("\n"),
    async run(_given, [shell], { out }) {
      const script = Object.hasOwn(scripts, shell!) ? scripts[shell!] : undefined;
      if (script === undefined) throw new UsageError(`${shell} is not known here: bash, zsh or fish`);
      out(script(verbs().map(knownOf)));
      return "done";
    },
  });

function knownOf({ name, summary, usage, flags, words }: Verb): Known {
  const first = usage.flatMap((line) => /^[a-z]+(?:\|[a-z]+)*(?= |$)/.exec(line)?.[0].split("|") ?? []);
  const said = usage.flatMap((line) => line.match(/--[a-z-]+/g) ?? []);
  const options = words === null ? ["--config", ...optionNames.filter(isFlag).map(flag)] : [];
  const own = Object.keys(flags).map((each) => `--${each}`);
  const all = new Set([...own, ...said, ...options, "--help"]);
  all.delete("--option");
  return { name, summary, words: [...new Set(first)], flags: [...all] };
}

const isFlag = (name: (typeof optionNames)[number]): boolean => !optionOf(name).secret;

function bash(known: readonly Known[]): string {
  const cases = known.map(
    ({ name, words, flags }) => `    ${name}) words="${words.join(" ")}" flags="${flags.join(" ")}" ;;`,
  );
  return `_carillon() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words="" flags=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${known.map(({ name }) => name).join(" ")} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  fi
}
complete -o default -F _carillon carillon
`;
}

function zsh(known: readonly Known[]): string {
  const described = known.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = known.map(
    ({ name, words, flags }) => `    ${name}) words_=(${words.join(" ")}) flags_=(${flags.join(" ")}) ;;`,
  );
  return `#compdef carillon
_carillon() {
  local -a verbs_ words_ flags_
  verbs_=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs_
    return
  fi
  case "$words[2]" in
${cases.join("\n")}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then compadd -- $flags_
  elif (( CURRENT == 3 && $#words_ )); then compadd -- $words_
  else _files
  fi
}
compdef _carillon carillon
`;
}

function fish(known: readonly Known[]): string {
  const lines = known.flatMap(({ name, summary, words, flags }) => {
    const within = `complete -c carillon -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c carillon -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...(words.length === 0 ? [] : [`${within} -a '${words.join(" ")}'`]),
      ...flags.map((each) => `${within} -l ${each.slice(2)}`),
    ];
  });
  return `${lines.join("\n")}\n`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
