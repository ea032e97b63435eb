"""What completes `textzoo` in a shell: subcommands, models, and the options that --help lists."""

import argparse
from collections.abc import Sequence
from typing import Optional

from textzoo.called import program
from textzoo.commands.entry import SUBCOMMANDS
from textzoo.config.bundled import bundled_models

_BASH = """\
_textzoo() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words
    if [ "$COMP_CWORD" = 1 ]; then
        words='{commands} --help --version'
    elif [ "${{COMP_WORDS[COMP_CWORD - 1]}}" = --from ]; then
        words='{models}'
    elif [[ $word == -* ]]; then
        words=$("${{COMP_WORDS[0]}}" "${{COMP_WORDS[1]}}" --help 2>/dev/null | {options})
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _textzoo textzoo
"""
_ZSH = """\
#compdef textzoo
_textzoo() {{
    if (( CURRENT == 2 )); then
        local -a commands=({described})
        _describe command commands
    elif [[ $words[CURRENT-1] == --from ]]; then
        compadd {models}
    elif [[ $PREFIX == -* ]]; then
        compadd -- $($words[1] $words[2] --help 2>/dev/null | {options})
    else
        _files
    fi
}}
if [[ $funcstack[1] == _textzoo ]]; then _textzoo; else compdef _textzoo textzoo; fi
"""
_FISH = """\
{described}
complete -c textzoo -n '__fish_seen_subcommand_from new' -l from -x -a '{models}'
complete -c textzoo -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' \\
    -f -a '(textzoo (commandline -opc)[2] --help 2>/dev/null | {options})'
"""
# The lines of --help that begin with an option, in words that are options; in any of the shells.
_OPTIONS = r'sed -n "/^  -/p" | tr " ," "\n\n" | grep -xEe "--?[a-z][a-z-]*"'


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the script that completes `textzoo` in a shell."""
    parser = argparse.ArgumentParser(
        prog=program("completion"),
        description="Print what completes textzoo in a shell.",
        epilog='bash, in ~/.bashrc: eval "$(textzoo completion bash)"\n'
        'zsh, in ~/.zshrc below compinit: eval "$(textzoo completion zsh)"\n'
        "fish: textzoo completion fish >~/.config/fish/completions/textzoo.fish",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    print(completion(parser.parse_args(arguments).shell), end="")
    return 0


def completion(shell: str) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    models = " ".join(bundled_models())
    summaries = {name: subcommand.summary for name, subcommand in SUBCOMMANDS.items()}
    if shell == "bash":
        return _BASH.format(commands=" ".join(summaries), models=models, options=_OPTIONS)
    if shell == "zsh":
        described = " ".join(f'"{name}:{summary}"' for name, summary in summaries.items())
        return _ZSH.format(described=described, models=models, options=_OPTIONS)
    described = "\n".join(
        f'complete -c textzoo -n __fish_use_subcommand -f -a {name} -d "{summary}"'
        for name, summary in summaries.items()
    )
    return _FISH.format(described=described, models=models, options=_OPTIONS)
