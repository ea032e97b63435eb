"""Damaged checkpoints: refused in words by every command that reads one, whatever the damage is.

TEXTZOO_FUZZ is how many there are.
"""

import contextlib
import os
import pickle
import shutil
import traceback
from pathlib import Path

import numpy as np
import paddle
import pytest
from harness.damage import damage
from harness.exports import Export
from harness.saved import repair

from textzoo.commands import export, infer, predict, report, train
from textzoo.files import digests

N_CHECKPOINTS = int(os.environ.get("TEXTZOO_FUZZ", "100"))
COMMANDS = {
    "infer": (infer.main, ["runner.infer_engine=dygraph"]),
    "static_infer": (infer.static_main, []),
    "predict": (predict.main, ["--texts", "{here}/texts.txt", "--output", "{here}/found.jsonl"]),
    "export": (export.main, ["--output", "{here}/exported"]),
    "trainer": (train.main, ["runner.epochs=2"]),
    "from a path": (train.main, ["runner.epochs=2", "runner.resume={run}/0"]),
    "static_trainer": (train.static_main, ["runner.epochs=2"]),
    "weights of another": (
        train.main,
        ["runner.model_init_path={run}/best", "runner.model_save_path={here}/new"],
    ),
    "report": (report.main, ["{run}"]),
}
READS_ONE = ("infer", "static_infer", "predict", "export", "from a path", "weights of another")


class Planted:
    """Makes a folder where it is unpickled."""

    def __init__(self, proof: Path):
        self._proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self._proof),)


@pytest.mark.slow
def test_damaged_checkpoints(exported, tmp_path):
    assert problems_with_checkpoints(exported("tagspace"), tmp_path, N_CHECKPOINTS) == []


def problems_with_checkpoints(source: Export, place: Path, n: int, seed: int = 0) -> list[str]:
    """Damage checkpoints, most with their checksums repaired, and give them to commands.

    Args:
        source: a trained model.
        place: a folder.
        n: how many to damage.
        seed: each gives others.

    Returns:
        Tracebacks, code that ran, damage that was not found.
    """
    (place / "texts.txt").write_text("a text\n", encoding="utf-8")
    proof, run = place / "it ran", place / "run"

    def check(case: int) -> None:
        for folder in (run, place / "new", place / "exported"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source.run, run)
        random = np.random.default_rng([seed, case])
        is_repaired = random.random() < 0.7
        before = digests(run / "0")
        done = _damage(run / "0", random, proof)
        is_harmless = is_repaired or digests(run / "0") == before
        if is_repaired:
            _repair(run / "0")
        shutil.rmtree(run / "best")
        shutil.copytree(run / "0", run / "best")
        command = [*COMMANDS][random.integers(len(COMMANDS))]
        status = _status(command, source, run, place)
        said = f"{command} after {done}, repaired: {is_repaired}: status {status}"
        assert status in (0, 2), said
        assert status == 2 or is_harmless or command not in READS_ONE, said
        assert not proof.exists(), said

    problems = []
    for case in range(n):  # in this process: one that is forked from Paddle cannot train
        try:
            check(case)
        except Exception:
            problems.append(f"{case}: {traceback.format_exc()}")
    return problems


def _damage(folder: Path, random: np.random.Generator, proof: Path) -> str:
    if random.random() < 0.9:
        return damage(folder, random)
    file = folder / ("rec.pdparams", "rec.pdopt")[random.integers(2)]
    arrays = paddle.load(str(file), return_numpy=True)
    arrays[[*arrays][random.integers(len(arrays))]] = Planted(proof)
    file.write_bytes(pickle.dumps(arrays, protocol=int(random.integers(2, 5))))
    return f"planted {file.name}"


def _repair(folder: Path) -> None:
    """Make the checksums right, if what is said of the checkpoint can still be read."""
    with contextlib.suppress(AttributeError, KeyError, OSError, TypeError, ValueError):
        repair(folder)


def _status(command: str, source: Export, run: Path, place: Path) -> int:
    main, more = COMMANDS[command]
    more = [text.format(run=run, here=place) for text in more]
    if command == "report":
        return main(more)
    arguments = [text for text in more if "=" not in text]
    overrides = [text for text in more if "=" in text]
    own = [f"runner.model_save_path={run}", f"runner.cache_dir={place / 'cache'}"]
    return main([*arguments, "-m", str(source.config), "-o", *source.settings, *own, *overrides])
