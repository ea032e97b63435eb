"""Mistakes of a user: the message, the exit status, and nothing lost. Shown with TagSpace."""

import resource
import signal
from collections.abc import Callable

import numpy as np
import pytest
from harness.mistakes import MISTAKES
from harness.running import run, run_command
from harness.workspace import Saved, checkpoints, digests


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_named_and_leaves_earlier_checkpoints_as_they_were(
    workspace, trained, tmp_path, mistake
):
    before = {name: digests(trained / name) for name in checkpoints(trained)}
    (tmp_path / "own.tsv").write_bytes(mistake.file)
    mistake.prepare(tmp_path, trained)
    overrides = [text.format(here=tmp_path, trained=trained) for text in mistake.overrides]
    result = workspace.run(mistake.command, "trained", *overrides, expect=2)
    assert result.stderr.startswith(f"{mistake.command}.py: ")
    for words in mistake.says:
        assert words.format(here=tmp_path, trained=trained) in result.stderr
    assert {name: digests(trained / name) for name in checkpoints(trained)} == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ("no such config file",)),
        (b"runner: {epochs: 1\nhyper_parameters: 3\n", ("is not valid YAML", "line 2, column")),
        (b"runner: {epochs: 1, epochs: 2}\n", ("is not valid YAML", "'epochs' is given twice")),
        (b"- runner\n", ("received list, expected blocks such as `runner:`",)),
        (b"runner: {}\n# caf\xe9\n", ("is not UTF-8 (byte 16)", "save it as UTF-8")),
        (b"runner: {}\n", ("is not a model folder: net.py, reader.py", "must lie in the folder")),
    ],
    ids=["missing", "broken", "a key twice", "a list", "not UTF-8", "not in a model folder"],
)
def test_a_config_file_that_cannot_be_used_is_named(tmp_path, content, says):
    config = tmp_path / "config.yaml"
    if content is not None:
        config.write_bytes(content)
    result = run_command("trainer", "-m", "config.yaml", cwd=tmp_path, expect=2)
    assert "config.yaml: " in result.stderr or f"{tmp_path}: " in result.stderr
    for words in says:
        assert words in result.stderr


@pytest.mark.parametrize(("command", "rate"), [("trainer", "1e+10"), ("static_trainer", "1e+37")])
def test_a_loss_that_is_not_finite_stops_the_run_and_is_never_saved(workspace, command, rate):
    name = f"exploding_{command}"
    settings = (
        "hyper_parameters.optimizer.class=SGD",
        f"hyper_parameters.optimizer.learning_rate={rate}",
        "hyper_parameters.loss=softmax",
        "runner.save_steps=1",
    )
    result = workspace.run(command, name, *settings, expect=2)
    saved = sorted(workspace.output(name).glob("step_*"), key=lambda path: Saved(path).step)
    last = saved[-1] if saved else "none yet"
    step = Saved(last).step if saved else 0
    assert f": step {step}: " in result.stderr
    assert f"at learning rate {rate}; last good checkpoint: {last}. " in result.stderr
    assert "hyper_parameters.optimizer.learning_rate or set runner.max_grad_norm" in result.stderr
    for path in saved:
        arrays = {**Saved(path).weights, **Saved(path).optimizer}
        assert all(np.isfinite(array).all() for array in arrays.values()), path


def test_a_full_disk_leaves_the_earlier_checkpoints_whole(workspace, trained):
    """Files can grow to half of what the weights need, as if the disk were full then."""
    output = workspace.copy_output("trained", "full")
    before = {name: digests(output / name) for name in checkpoints(output)}
    steps = Saved(output / "0").step
    room = (output / "1" / "rec.pdparams").stat().st_size // 2

    more = ("runner.epochs=3", "runner.print_interval=1000")
    arguments = workspace.arguments("trainer", "full", *more)
    result = run(arguments, expect=2, before=full_after(room))
    assert f"cannot save the checkpoint {output / ''}" in result.stderr
    assert "File too large" in result.stderr
    assert "Earlier checkpoints are intact" in result.stderr
    assert {name: digests(output / name) for name in checkpoints(output)} == before

    workspace.run("trainer", "full", *more)  # room was made
    assert Saved(output / "2").step == 3 * steps


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("runner.save_steps=0", "cannot write {output}/metrics.jsonl: File too large. The"),
        ("runner.cache_dir={output}/new_cache", "runner.cache_dir: cannot write {output}"),
    ],
    ids=["metrics.jsonl", "the cache"],
)
def test_a_full_disk_is_named_wherever_it_shows(workspace, trained, tmp_path, override, says):
    output = workspace.copy_output("trained", tmp_path.name)
    before = {name: digests(output / name) for name in checkpoints(output)}
    room = (output / "metrics.jsonl").stat().st_size + 1000
    more = (override.format(output=output), "runner.epochs=3")
    arguments = workspace.arguments("trainer", output.name, *more)
    result = run(arguments, expect=2, before=full_after(room))
    assert says.format(output=output) in result.stderr
    assert {name: digests(output / name) for name in before} == before


def full_after(n_bytes: int) -> Callable[[], None]:
    """What makes a process run as if the disk were full as soon as a file has so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return limit
