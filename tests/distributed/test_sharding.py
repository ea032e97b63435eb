"""An output layer whose labels are divided: the parts are, together, the whole."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from harness.running import ROOT, run
from harness.workspace import MODELS, Workspace

from textzoo.commands.train import train
from textzoo.config.model_folder import load_model_folder
from textzoo.distributed import sharding
from textzoo.distributed.collectives import own_rows
from textzoo.errors import UserError
from textzoo.training.checkpoint import load_checkpoint

SHARDED = ("hyper_parameters.shard_labels=true", "runner.processes=2")


@pytest.fixture
def in_process(monkeypatch):
    """Sets what a launcher tells a process."""

    def set_rank(rank, n):
        monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(n))
        monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))

    return set_rank


@pytest.mark.parametrize("n", [1, 2, 3])
def test_rows_are_drawn_alike_however_they_are_divided(in_process, n):
    n_rows = 2 * sharding._DRAWN_TOGETHER + 100
    in_process(0, 1)
    whole = np.zeros((n_rows, 2), "float32")
    sharding.draw_uniform(whole, n_rows, 0.5, seed=7)
    assert 0.49 < whole.max() <= 0.5 and -0.5 <= whole.min() < -0.49
    assert (whole[: sharding._DRAWN_TOGETHER] != whole[sharding._DRAWN_TOGETHER : -100]).all()
    parts = []
    for rank in range(n):
        in_process(rank, n)
        rows = own_rows(n_rows)
        part = np.zeros((rows.stop - rows.start, 2), "float32")
        sharding.draw_uniform(part, n_rows, 0.5, seed=7)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_values_are_split_and_put_together_again(in_process):
    shards = {"labels": 5}
    values = {
        "labels": np.arange(10).reshape(5, 2),
        "moment/labels": np.arange(5),
        "beta1_pow/labels": np.ones(1),
        "words": np.arange(5),
    }
    parts = []
    for rank in range(2):
        in_process(rank, 2)
        own = sharding.own_shards(values, shards)
        alike, divided = sharding.split_off(own, shards)
        assert set(alike) == {"beta1_pow/labels", "words"}
        assert len(alike["words"]) == 5
        parts.append(divided)
    for key in ("labels", "moment/labels"):
        np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), values[key])


# ------------------------------------------------------------------ targets


@pytest.fixture(scope="module")
def targets_within():
    folder = load_model_folder(ROOT / "models" / "xmlcnn")
    return __import__(folder.dygraph_model.__module__, fromlist=["within"]).within


POSITIVES = np.array([[3, 7, 3], [7, 7, 7], [0, 9, 5]])
IS_OWN = np.array([[True, True, False], [True, False, False], [True, True, True]])


def pairs(positives, is_own):
    rows, places = np.nonzero(is_own)
    return set(zip(rows.tolist(), positives[rows, places].tolist()))


@pytest.mark.parametrize("cuts", [[0, 10], [0, 5, 10], [0, 1, 2, 8, 10]])
def test_targets_of_all_processes_are_those_of_one(targets_within, cuts):
    found = set()
    for start, stop in zip(cuts, cuts[1:]):
        part = targets_within(slice(start, stop), {"positives": POSITIVES, "is_own": IS_OWN})
        assert part["positives"].min() >= 0
        assert part["positives"].max() < stop - start
        own = pairs(part["positives"] + start, part["is_own"])
        assert not found & own
        found |= own
    assert found == pairs(POSITIVES, IS_OWN)


@pytest.mark.parametrize("cuts", [[0, 10], [0, 5, 10], [0, 1, 2, 8, 10]])
def test_candidates_of_all_processes_are_those_of_one(targets_within, cuts):
    candidates = np.array([9, 0, 3, 5, 7, 4, 8])
    weights = np.array([1, 1, 1, 1, 1, 2.5, 2.5], "float32")
    places = np.argsort(candidates)[np.searchsorted(np.sort(candidates), POSITIVES)]
    targets = {"positives": places, "is_own": IS_OWN}
    targets.update(candidates=candidates, candidate_weights=weights)
    found, weighed = set(), {}
    for start, stop in zip(cuts, cuts[1:]):
        part = targets_within(slice(start, stop), targets)
        own = part["candidates"] + start
        assert ((own >= start) & (own < stop)).all() and len(own) >= 1
        found |= pairs(own[part["positives"]], part["is_own"])
        weighed.update(
            {label: w for label, w in zip(own.tolist(), part["candidate_weights"].tolist()) if w}
        )
    assert found == pairs(POSITIVES, IS_OWN)
    assert weighed == dict(zip(candidates.tolist(), weights.tolist()))


# ------------------------------------------------------------------ runs


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("sharded"), MODELS["xmlcnn"])


def train_on(workspace, name, epochs, n):
    overrides = (
        *("hyper_parameters.hidden_dropout=0.0", "hyper_parameters.shard_labels=true"),
        *("runner.train_batch_size=100", f"runner.epochs={epochs}"),
    )
    if n > 1:
        run(workspace.arguments("trainer", name, *overrides, f"runner.processes={n}"))
    else:
        train(workspace.model.config, [*workspace.settings(name), *overrides], "dygraph")


@pytest.fixture(scope="module")
def whole(workspace):
    """What one process saves after two epochs."""
    train_on(workspace, "whole", 2, 1)
    return load_checkpoint(workspace.output("whole") / "1")


@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2)])
def test_a_run_goes_on_with_another_number_of_processes(workspace, whole, first, then):
    name = f"{first} then {then}"
    train_on(workspace, name, 1, first)
    train_on(workspace, name, 2, then)
    saved = load_checkpoint(workspace.output(name) / "1")
    for ours, theirs in (
        (saved.parameters, whole.parameters),
        (saved.optimizer_state(), whole.optimizer_state()),
    ):
        assert set(ours) == set(theirs)
        for key, value in ours.items():
            np.testing.assert_allclose(value, theirs[key], atol=1e-4, err_msg=key)


@pytest.mark.parametrize(
    ("command", "overrides", "message"),
    [
        ("static_trainer", (), "several processes need dynamic graph: use trainer.py"),
        ("trainer", ("runner.max_grad_norm=1",), "cannot clip by runner.max_grad_norm=1"),
        ("trainer", ("hyper_parameters.loss=softmax",), "needs loss bce or sampled"),
    ],
)
def test_what_divided_labels_cannot_do_is_refused(workspace, command, overrides, message):
    refused = run(workspace.arguments(command, "refused", *SHARDED, *overrides), expect=2)
    assert refused.stderr.count(message) == 1, str(refused)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:9],
        lambda content: b"PK\x03\x04" + content,
        lambda content: content.replace(b"'<f4'", b"'|O '"),
        lambda content: content.replace(b"'<f4'", b"'<U1'"),
        lambda content: content.replace(b"(3, 2)", b"(3,9*9**9)"),
        lambda content: content.replace(b"{'descr'", b"{{{{{{{{"),
    ],
    ids=["empty", "cut", "half a header", "an archive", "objects", "texts", "a shape", "no header"],
)
def test_a_damaged_file_of_a_divided_weight_is_named(in_process, tmp_path, damage):
    in_process(0, 1)
    sharding.save_shards(tmp_path, {"w": np.ones((3, 2), "float32")}, {"w": 3})
    file = tmp_path / "shards" / "w.npy"
    assert sharding.load_shards(tmp_path, ["shards/w.npy"])[0]["w"].tolist() == [[1, 1]] * 3
    damaged = damage(file.read_bytes())
    file.unlink()  # it is mapped
    file.write_bytes(damaged)
    with pytest.raises(UserError, match=rf"^{file}: is damaged .*; use another checkpoint"):
        sharding.load_shards(tmp_path, ["shards/w.npy"])


def test_files_that_a_checkpoint_does_not_list_are_no_weights(in_process, tmp_path):
    in_process(0, 1)
    for name in ("w", "moment/w"):
        sharding.save_shards(tmp_path, {name: np.ones((3, 2), "float32")}, {"w": 3})
    weights, state = sharding.load_shards(tmp_path, ["shards/w.npy", "rec.pdparams"])
    assert list(weights) == ["w"] and state == {}


FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from textzoo.distributed.sharding import save_shards
try:
    save_shards(Path(sys.argv[1]), {"w": np.ones((500, 500), "float32")}, {"w": 500})
except OSError as failure:
    print(failure.strerror)
"""


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path):
    mount = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, tmp_path]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    found = subprocess.run(
        [*alone, sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True
    )
    assert found.stdout == "No space left on device\n", found
