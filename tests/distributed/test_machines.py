"""Two machines train as one process does, and go on after one was killed.

They are two namespaces of this machine, see `harness.machines`; where these are not allowed, the
tests are skipped.
"""

import dataclasses
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.machines import ADDRESSES, two_machines
from harness.running import ENVIRONMENT, ROOT, TIMEOUT, Result
from harness.workspace import (
    MODELS,
    NO_DROPOUT,
    Started,
    Workspace,
    checkpoints,
    metric_lines,
)

pytestmark = pytest.mark.slow

MEET = ("runner.nodes=2", f"runner.master={ADDRESSES[0]}:6170")
SHORT = ("runner.epochs=1", "runner.train_batch_size=7")
STEADY = ("runner.save_steps=5", "runner.train_batch_size=3", "runner.epochs=1")


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with two_machines(tmp_path_factory.mktemp("machines")) as made:
        yield made


@pytest.fixture
def workspace(tmp_path):
    """A function that gives the workspace of a model."""

    def make(name):
        return Workspace(tmp_path / name, dataclasses.replace(MODELS[name], train_rows=141))

    return make


def on_both(machines, first, second):
    """The results of a command on each machine, of which the second is started first."""
    processes = [
        subprocess.Popen(
            [*machine, *arguments],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for machine, arguments in zip(machines[::-1], (second, first))
    ]
    try:
        said = [process.communicate(timeout=TIMEOUT) for process in processes]
    finally:
        for process in processes:
            process.kill()
    results = [
        Result(arguments, process.returncode, *texts)
        for arguments, process, texts in zip((second, first), processes, said)
    ]
    return results[::-1]


def train_on_both(machines, arguments):
    for result in on_both(machines, arguments, arguments):
        assert result.status == 0, str(result)
        assert "Traceback" not in result.stderr, str(result)


def assert_same_losses(workspace, ours, theirs):
    ours, theirs = (metric_lines(workspace.output(name)) for name in (ours, theirs))
    assert len(ours) == len(theirs) >= 10
    for our, their in zip(map(numbers, ours), map(numbers, theirs)):
        assert our == pytest.approx(their, rel=2e-4, abs=2e-5)


def numbers(line):
    return {name: value for name, value in line.items() if isinstance(value, (int, float))}


@pytest.mark.parametrize(
    ("model", "command", "processes"),
    [
        ("tagspace", "trainer", 2),
        ("tagspace", "static_trainer", 1),
        ("xmlcnn", "trainer", 1),
        ("multilabel", "trainer", 1),
        ("batchneg", "trainer", 1),
        ("hardestneg", "trainer", 1),
    ],
)
def test_two_machines_have_the_losses_and_metrics_of_one_process(
    machines, workspace, model, command, processes
):
    place = workspace(model)
    common = (*SHORT, *NO_DROPOUT[model])
    train_on_both(
        machines,
        place.arguments(command, "two", *MEET, f"runner.processes={processes}", *common),
    )
    place.run(command, "one", *common)
    assert_same_losses(place, "two", "one")
    assert checkpoints(place.output("two")) == {"0", "best"}


def test_paddles_own_launcher_needs_no_more_than_the_addresses(machines, workspace, tmp_path):
    place = workspace("tagspace")
    command = place.arguments("trainer", "two", *SHORT)[1:]
    launched = [
        [
            *(sys.executable, "-m", "paddle.distributed.launch", "--host", address),
            *("--master", f"{ADDRESSES[0]}:6171", "--nnodes", "2", "--nproc_per_node", "1"),
            *("--log_dir", str(tmp_path / address), *command),
        ]
        for address in ADDRESSES
    ]
    for result in on_both(machines, *launched):
        assert result.status == 0, str(result)
    place.run("trainer", "one", *SHORT)
    assert_same_losses(place, "two", "one")


@contextmanager
def started_on_both(machines, arguments, output):
    """The command on each machine, at work."""
    first, second = ([*machine, *arguments] for machine in machines)
    with Started(first, output) as one, Started(second, output) as other:
        yield one, other


@pytest.mark.parametrize("victim", [0, 1])
def test_a_machine_that_is_killed_ends_the_run_which_goes_on_to_the_same_end(
    machines, workspace, victim
):
    place = workspace("tagspace")
    place.run("trainer", "undisturbed", *STEADY)
    arguments = place.arguments("trainer", "killed", *MEET, *STEADY)
    with started_on_both(machines, arguments, place.output("killed")) as (first, second):
        first.wait_for_step(13)
        killed, other = (first, second) if victim == 0 else (second, first)
        killed.process.kill()
        result = other.end()
    assert result.status == 1, str(result)
    assert f"{ADDRESSES[victim]} is gone, and with it the run" in result.stderr, str(result)
    assert "Traceback" not in result.stderr, str(result)
    train_on_both(machines, arguments)
    assert_same_losses(place, "killed", "undisturbed")


def test_a_signal_to_one_machine_ends_both_after_a_checkpoint(machines, workspace):
    place = workspace("tagspace")
    arguments = place.arguments("trainer", "stopped", *MEET, *STEADY)
    with started_on_both(machines, arguments, place.output("stopped")) as (first, second):
        first.wait_for_step(6)
        results = [second.stop(signal.SIGTERM), first.end()]
    assert [result.status for result in results] == [143, 143], "\n".join(map(str, results))
    assert not any("Traceback" in result.stderr for result in results)
    assert results[1].stdout.count("interrupted; saved") == 1, str(results[1])


def test_machines_with_different_settings_or_data_are_told_where(machines, workspace):
    place = workspace("tagspace")
    first = place.arguments("trainer", "two", *MEET, *SHORT)
    others = Path(place.folder, "others.tsv")
    others.write_text("".join(f"{line}\n" for line in place.train_lines()[1:]), encoding="utf-8")
    for override, complaint in (
        ("runner.seed=7", "runner.seed: 7 there, 2026 here"),
        (f"runner.train_data_dir={others}", "data.train.0: "),
    ):
        for result in on_both(machines, first, [*first, override]):
            assert result.status == 2, str(result)
            assert f"process 1 at {ADDRESSES[1]} (there)" in result.stderr, str(result)
            assert complaint in result.stderr, str(result)
