"""What benchmark.py measures with the libraries of others, in processes of their own."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional

from benchmarks.arguments import PEER
from textzoo.errors import UserError

_PEERS = Path(__file__).resolve().parent / "peers"


def run_peer(python: Path, script: str, facts: Any) -> Any:
    """What a script of `peers` prints, run by the Python of an environment of its own.

    Args:
        python: of that environment.
        script: the name of the script.
        facts: what it is to know, given as the name of a file of JSON.

    Raises:
        UserError: there is no such Python, or the script failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.json"
        path.write_text(json.dumps(facts), encoding="utf-8")
        try:
            return printed_json([str(python), str(_PEERS / script), str(path)])
        except OSError as failure:
            raise UserError(
                f"--peer: received {python}, which does not run ({failure.strerror}); "
                f"expected {PEER}"
            ) from None


def transformers_sizes(architecture: Any) -> dict[str, Any]:
    """Those of an encoder in the names of transformers, without dropout."""
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    dropouts = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return {**{name: getattr(architecture, name) for name in names}, **dropouts}


def printed_json(command: list[str], folder: Optional[Path] = None) -> Any:
    """The last line that a command prints, run in a folder if one is given, as JSON.

    Raises:
        UserError: the command failed.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise UserError(f"{command[0]} ended with status {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
