"""Several processes train as one does: losses, metrics, checkpoints; and they end together."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from harness.pretrained import write_encoder
from harness.running import run
from harness.workspace import (
    MODELS,
    NO_DROPOUT,
    ROOT,
    TIMEOUT,
    Saved,
    Workspace,
    checkpoints,
    digests,
    metric_lines,
)

from textzoo.commands.train import train
from textzoo.distributed import collectives as processes

NGRAMS = ("reader.ngram_buckets=500", "hyper_parameters.ngram_dim=8")
ADAGRAD = ("hyper_parameters.optimizer={class: Adagrad, learning_rate: 0.05}",)
SPARSE = (*NGRAMS, "hyper_parameters.sparse=true", *ADAGRAD)
# Of a size at which `lazy_tables` takes a table.
LAZY = ("reader.ngram_buckets=131072", "hyper_parameters.ngram_dim=8")
LAZY_ENCODER = ("reader.ngram_buckets=131072", "hyper_parameters.encoder.config=ngram")
LINEAR = "hyper_parameters.linear.features=both"
NEGATIVES = (
    *("hyper_parameters.negatives=given", "reader.max_negatives=3"),
    "runner.train_data_dir=WORKSPACE/negatives.tsv",
)
TAUGHT = ("hyper_parameters.teacher.model=WORKSPACE/encoder", "hyper_parameters.teacher.max_len=12")
LAYERS = tuple(
    f"hyper_parameters.encoder.{key}={value}"
    for key, value in {"num_hidden_layers": 2, "share_layers": "false", "freeze_layers": 1}.items()
)
needs_children = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs Linux's list of children"
)
CASES = {
    "tagspace": ("tagspace", "dygraph"),
    "tagspace static": ("tagspace", "static"),
    "tagspace sparse": ("tagspace", "dygraph", *SPARSE),
    "tagspace lazy": ("tagspace", "dygraph", *LAZY, "runner.max_grad_norm=0.05"),
    "tagspace clipped": ("tagspace", "dygraph", "runner.max_grad_norm=0.05"),
    "xmlcnn": ("xmlcnn", "dygraph"),
    "xmlcnn sampled": ("xmlcnn", "dygraph", "hyper_parameters.loss=sampled", *SPARSE),
    "xmlcnn sharded": ("xmlcnn", "dygraph", "hyper_parameters.shard_labels=true"),
    "xmlcnn sharded sampled": (
        *("xmlcnn", "dygraph", "hyper_parameters.loss=sampled", "hyper_parameters.n_negatives=3"),
        *("hyper_parameters.shard_labels=true", *SPARSE),
    ),
    "xmlcnn accumulated": ("xmlcnn", "static", "runner.accumulate_steps=2"),
    "multilabel": ("multilabel", "dygraph"),
    "multilabel fgm": ("multilabel", "dygraph", "hyper_parameters.adversarial=fgm"),
    "multilabel penalty": ("multilabel", "dygraph", "hyper_parameters.gradient_penalty=1.0"),
    "tagspace with linear": ("tagspace", "dygraph", LINEAR),
    "xmlcnn with linear": ("xmlcnn", "static", LINEAR),
    "xmlcnn sharded with linear": (
        *("xmlcnn", "dygraph", "hyper_parameters.shard_labels=true", LINEAR),
    ),
    "multilabel with linear apart": ("multilabel", "dygraph/apart", LINEAR),
    "multilabel frozen": (
        *("multilabel", "dygraph", *LAYERS, "hyper_parameters.optimizer.layer_decay=0.5"),
    ),
    "multilabel frozen static": (
        *("multilabel", "static", *LAYERS, "hyper_parameters.optimizer.layer_decay=0.5"),
    ),
    "batchneg": ("batchneg", "dygraph"),
    "batchneg negatives": ("batchneg", "dygraph", *NEGATIVES),
    "batchneg negatives cached": (
        *("batchneg", "dygraph", *NEGATIVES, "runner.gradient_cache_rows=2"),
    ),
    "hardestneg negatives": ("hardestneg", "dygraph", *NEGATIVES),
    "batchneg matryoshka": (
        *("batchneg", "dygraph", *NEGATIVES, "hyper_parameters.matryoshka_dims=[64, 32, 8]"),
        *("hyper_parameters.truncate_dim=32", "runner.gradient_cache_rows=2"),
    ),
    "batchneg cached": ("batchneg", "dygraph", "runner.gradient_cache_rows=2"),
    "batchneg lazy": ("batchneg", "dygraph", *NEGATIVES, *LAZY_ENCODER),
    "batchneg lazy cached": (
        *("batchneg", "dygraph", *LAZY_ENCODER, "runner.gradient_cache_rows=2"),
    ),
    "batchneg taught": ("batchneg", "dygraph", *TAUGHT),
    "batchneg taught alone": ("batchneg", "dygraph", *TAUGHT, "hyper_parameters.teacher.weight=1"),
    "hardestneg": ("hardestneg", "dygraph"),
    "tagspace apart": ("tagspace", "static/apart"),
    "xmlcnn apart": (
        *("xmlcnn", "dygraph/apart", "hyper_parameters.loss=sampled"),
        *("hyper_parameters.shard_labels=true", *SPARSE),
    ),
    "multilabel apart": ("multilabel", "dygraph/apart", "hyper_parameters.gradient_penalty=1.0"),
    "batchneg apart": ("batchneg", "dygraph/apart"),
}


def arguments(workspace, name, output):
    """Graph, config and overrides of a short run whose last batch has a single row."""
    model, graph, *overrides = CASES[name]
    everything = workspace.arguments(
        "trainer", output, "runner.epochs=1", "runner.train_batch_size=7", *NO_DROPOUT[model],
        *overrides,
    )  # fmt: skip
    given = [part.replace("WORKSPACE", str(workspace.folder)) for part in everything]
    return [graph, str(workspace.model.config), *given[given.index("-o") + 1 :]]


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    made = {}
    for name, model in MODELS.items():
        few = dataclasses.replace(model, train_rows=141)  # 127 to train on: 18 x 7 + 1
        made[name] = Workspace(tmp_path_factory.mktemp(name), few)
        if name in ("batchneg", "hardestneg"):
            write_negatives(made[name])
    texts = [text for line in made["batchneg"].train_lines() for text in line.split("\t")]
    write_encoder(made["batchneg"].folder / "encoder", texts)
    return made


def write_negatives(workspace):
    """The training rows with none to three negatives each, some of them titles of their batch."""
    pairs = [line.split("\t") for line in workspace.train_lines()]
    rows = [
        [*pair, *(pairs[(i + 7 * k) % len(pairs)][1] for k in range(1, i % 4 + 1))]
        for i, pair in enumerate(pairs)
    ]
    text = "".join("\t".join(row) + "\n" for row in rows)
    (workspace.folder / "negatives.tsv").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def two(workspaces, tmp_path_factory):
    """Every case trained by two processes, which Paddle's launcher starts once."""
    folder = tmp_path_factory.mktemp("two")
    cases = [arguments(workspaces[CASES[name][0]], name, f"two {name}") for name in CASES]
    file = folder / "cases.json"
    file.write_text(json.dumps(cases), encoding="utf-8")
    launch = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2"]
    run(
        [
            *launch,
            "--log_dir",
            str(folder),
            str(ROOT / "tests" / "harness" / "train_cases.py"),
            str(file),
        ]
    )


def numbers(line):
    return {name: value for name, value in line.items() if isinstance(value, (int, float))}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_have_the_losses_and_metrics_of_one(name, workspaces, two):
    workspace = workspaces[CASES[name][0]]
    graph, config, *overrides = arguments(workspace, name, f"one {name}")
    train(Path(config), overrides, graph.removesuffix("/apart"))
    ours, theirs = (metric_lines(workspace.output(f"{n} {name}")) for n in ("one", "two"))
    assert len(ours) == len(theirs) >= 10
    for our, their in zip(map(numbers, ours), map(numbers, theirs)):
        assert our == pytest.approx(their, rel=2e-4, abs=2e-5)
    assert checkpoints(workspace.output(f"two {name}")) == {"0", "best"}
    if LINEAR in overrides:
        ours, theirs = (
            digests(workspace.output(f"{n} {name}") / "0/linear") for n in ("one", "two")
        )
        for file in ours.keys() - {"fusion.json", "fusion_labels.npz"}:  # of the net's scores
            assert ours[file] == theirs[file]
    assert not list(workspace.output(f"two {name}").glob("*_of_process_*"))


# -------------------------------------------------------- from the plain command, and how it ends

STEADY = ("runner.save_steps=5", "runner.train_batch_size=3", "runner.epochs=2")


@pytest.fixture(scope="module")
def tagspace_runs(workspaces):
    """A workspace with an undisturbed run of one process."""
    workspaces["tagspace"].run("trainer", "undisturbed", *STEADY)
    return workspaces["tagspace"]


@pytest.mark.parametrize(
    ("command", "first", "then", "number"),
    [("trainer", 2, 1, signal.SIGINT), ("static_trainer", 1, 2, signal.SIGTERM)],
)
def test_an_interrupted_run_goes_on_with_another_number(
    tagspace_runs, command, first, then, number
):
    name = f"{first} then {then}"
    with tagspace_runs.start(command, name, *STEADY, f"runner.processes={first}") as started:
        started.wait_for_step(13)
        result = started.stop(number)
    assert result.status == 128 + number, str(result)
    assert "Traceback" not in result.stderr
    assert result.stdout.count("interrupted; saved") == 1
    run(tagspace_runs.arguments("trainer", name, *STEADY, f"runner.processes={then}"))
    ours, theirs = (metric_lines(tagspace_runs.output(n)) for n in (name, "undisturbed"))
    assert len(ours) == len(theirs)
    for our, their in zip(map(numbers, ours), map(numbers, theirs)):
        assert our == pytest.approx(their, rel=2e-4, abs=2e-5)


@needs_children
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_run_which_can_be_resumed(tagspace_runs, victim):
    name = f"killed {victim}"
    with tagspace_runs.start("trainer", name, *STEADY, "runner.processes=2") as started:
        started.wait_for_step(13)
        os.kill(children(started.process.pid)[victim], signal.SIGKILL)
        result = started.end()
    assert result.status == 128 + signal.SIGKILL, str(result)
    tagspace_runs.run("trainer", name, *STEADY)
    last = [Saved(tagspace_runs.output(n) / "1") for n in (name, "undisturbed")]
    for key, value in last[0].weights.items():
        np.testing.assert_allclose(value, last[1].weights[key], atol=1e-4)


@needs_children
def test_processes_end_when_their_watcher_is_killed(tagspace_runs):
    with tagspace_runs.start("trainer", "orphans", *STEADY, "runner.processes=2") as started:
        started.wait_for_step(5)
        orphans = children(started.process.pid)
    deadline = time.monotonic() + TIMEOUT
    while any(is_running(orphan) for orphan in orphans):
        assert time.monotonic() < deadline, "a process goes on alone"
        time.sleep(0.01)


def test_a_fault_in_one_process_ends_the_run_with_its_traceback(tagspace_runs, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(
        ROOT / "models" / "tagspace", own, ignore=shutil.ignore_patterns("data", "output*")
    )
    fault = (
        "\n\nimport os\n\n_loss = Net.loss\n\n\ndef loss(self, *args, **kwargs):\n"
        "    if os.environ.get('PADDLE_TRAINER_ID') == '1':\n"
        "        raise RuntimeError('a fault of the net')\n"
        "    return _loss(self, *args, **kwargs)\n\n\nNet.loss = loss\n"
    )
    with (own / "net.py").open("a", encoding="utf-8") as file:
        file.write(fault)
    arguments = tagspace_runs.arguments(
        "trainer", "fault", "runner.processes=2", config=own / "config.yaml"
    )
    done = subprocess.run(arguments, capture_output=True, encoding="utf-8", timeout=TIMEOUT)
    assert done.returncode == 1
    assert "RuntimeError: a fault of the net" in done.stderr
    assert "process 1 of 2" in done.stderr


def test_a_mistake_of_the_user_is_said_once(tagspace_runs):
    mistakes = ("runner.processes=2", "runner.metrics=[nonsense]")
    refused = run(tagspace_runs.arguments("trainer", "mistake", *mistakes), expect=2)
    assert refused.stderr.count("nonsense") == 1, str(refused)
    refused = tagspace_runs.run("trainer", "mistake", "runner.processes=none", expect=2)
    assert "runner.processes: received 'none' (str), expected one of auto or int" in refused.stderr


def test_pairs_in_static_graph_are_refused_with_a_way_out(workspaces):
    arguments = workspaces["batchneg"].arguments("static_trainer", "no", "runner.processes=2")
    refused = run(arguments, expect=2)
    assert refused.stderr.count("use trainer.py, or -o runner.processes=1") == 1


def children(pid):
    """The processes that a process has started, in this order."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return sorted(map(int, listed.split()))


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2][1] != "Z"
    except OSError:
        return False


LATE = """
import sys, time
sys.path.insert(0, {tools!r})
from textzoo.devices import import_paddle, process_rank
import_paddle()
from textzoo.distributed import collectives
collectives.join_processes()
collectives._shared_memory = None  # as where there are several machines
if process_rank():
    time.sleep(35)  # gloo gives up after 30 s
assert collectives.gather(process_rank()) == [0, 1]
if not process_rank():
    time.sleep(35)
assert collectives.broadcast("of process " + str(process_rank())) == "of process 0"
collectives.barrier()
"""


@pytest.mark.slow
def test_processes_wait_longer_for_one_another_than_gloo(tmp_path):
    program = tmp_path / "late.py"
    program.write_text(LATE.format(tools=str(ROOT / "tools")), encoding="utf-8")
    launch = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2"]
    run([*launch, "--log_dir", str(tmp_path), str(program)])


# ------------------------------------------------------------------------------- parts of batches


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("n_rows", [1, 2, 4, 5, 13])
def test_parts_are_all_rows_and_their_shares_sum_to_one(monkeypatch, n, n_rows):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(n))
    rows, means = [], []
    values = np.random.default_rng(0).random(n_rows)
    for rank in range(n):
        monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))
        feeds = {"of_all": np.zeros(99), "value": values}
        own = processes.own_feeds(feeds, ("of_all",))
        assert len(own["of_all"]) == 99
        rows += np.arange(n_rows)[processes.own_rows(n_rows)].tolist()
        means.append(own["value"].mean() * processes.own_share(n_rows))
    expected = list(range(n_rows)) * (n if n_rows < n else 1)
    assert rows == expected
    assert sum(means) == pytest.approx(values.mean())
