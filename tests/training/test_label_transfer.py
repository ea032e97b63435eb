"""Runs that start from a checkpoint which was trained on other labels."""

import numpy as np
import pytest
from harness.workspace import MODELS, Saved

from textzoo.commands.train import train
from textzoo.config.loading import build_reader, load_config
from textzoo.distributed.collectives import own_rows
from textzoo.errors import UserError
from textzoo.training import label_transfer
from textzoo.training.checkpoint import load_checkpoint

EARLIER = ["a\tone two", "a\tone three", "b\ttwo four", "c\tfive one"] * 3
# Another order of frequency, two labels more, and one that is gone.
LATER = ["y\tone two", "y\tone nine", "b\tfive two", "x,c\tfive one", "x\tfour four"] * 3
AXES = {
    "tagspace": {"tag_embedding.weight": 0},
    "xmlcnn": {"label_weight": 0, "label_bias": 0},
    "multilabel": {"output.weight": 1, "output.bias": 0, "positive_weight": 0},
}
LABELS = {"tagspace": "tags.txt", "xmlcnn": "labels.txt", "multilabel": "labels.txt"}


@pytest.fixture
def trained(tmp_path):
    """A function that trains a model on some lines, and gives its checkpoint."""

    def run(model, name, lines, *overrides, graph="dygraph"):
        data = tmp_path / f"{name}.tsv"
        data.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        settings = [
            *MODELS[model].overrides,
            *("runner.epochs=1", "runner.train_batch_size=8", "runner.valid_fraction=0"),
            f"runner.train_data_dir={data}",
            "runner.test_data_dir=null",
            f"runner.cache_dir={tmp_path / 'cache'}",
            f"runner.model_save_path={tmp_path / name}",
            *overrides,
        ]
        train(MODELS[model].config, settings, graph)
        return Saved(tmp_path / name / "0")

    return run


def start_from(earlier):
    """Overrides of a run that starts from a checkpoint and moves no weight visibly."""
    rate = "hyper_parameters.optimizer.learning_rate=1e-30"
    return [f"runner.model_init_path={earlier.path}", rate]


def labels_of(model, saved):
    return (saved.path / "vocabulary" / LABELS[model]).read_text(encoding="utf-8").split()


def rows_by_label(model, saved):
    """The weights of each label, those of all tensors behind one another."""
    labels = labels_of(model, saved)
    parts = [
        np.moveaxis(saved.weights[name], axis, 0).reshape(len(labels), -1)
        for name, axis in AXES[model].items()
        if name in saved.weights
    ]
    return dict(zip(labels, np.concatenate(parts, axis=1)))


@pytest.mark.parametrize(
    ("model", "graph", "overrides"),
    [
        ("tagspace", "dygraph", []),
        ("tagspace", "static", []),
        ("xmlcnn", "dygraph", ["hyper_parameters.loss=sampled"]),
        ("multilabel", "dygraph", []),
        ("multilabel", "static", ["hyper_parameters.positive_weight_power=0.5"]),
        (
            "multilabel",
            "dygraph",
            ["hyper_parameters.positive_weight_power=0.5", "hyper_parameters.adversarial=fgm"],
        ),
    ],
)
def test_new_labels_are_added_and_others_keep_their_weights(
    trained, capsys, model, graph, overrides
):
    earlier = trained(model, "earlier", EARLIER, *overrides)
    later = trained(model, "later", LATER, *overrides, *start_from(earlier), graph=graph)
    assert labels_of(model, earlier) == ["a", "b", "c"]
    assert labels_of(model, later) == ["a", "b", "c", "x", "y"]
    ours, theirs = rows_by_label(model, later), rows_by_label(model, earlier)
    for label, row in theirs.items():
        np.testing.assert_array_equal(ours[label], row)
    assert ours["x"].any() and (ours["x"] != ours["y"]).any()
    for name, weight in earlier.weights.items():
        if name not in AXES[model]:
            np.testing.assert_array_equal(later.weights[name], weight)
    assert (
        f"runner.model_init_path: {earlier.path}: 2 new label(s), which start afresh: x, y"
        in capsys.readouterr().out
    )
    if model == "xmlcnn":  # the log-odds of 6 among 15 rows
        assert ours["x"][-1] == pytest.approx(np.log(6.5 / 9.5), rel=1e-5)


def test_the_same_labels_start_as_they_were_and_nothing_is_said(trained, capsys):
    earlier = trained("xmlcnn", "earlier", EARLIER)
    capsys.readouterr()
    later = trained("xmlcnn", "later", [*EARLIER[::-1], "c\tone"], *start_from(earlier))
    for name, weight in earlier.weights.items():
        np.testing.assert_array_equal(later.weights[name], weight)
    assert "new label" not in capsys.readouterr().out
    counts = (later.path / "vocabulary" / "counts.json").read_text(encoding="utf-8")
    assert counts == '{"rows": 13, "labels": [6, 3, 4]}'  # of the rows that it is trained on


def test_labels_of_paddlerec_s_ids_are_added(trained, capsys):
    earlier = trained("tagspace", "earlier", ["0,1 2", "1,3 1", "2,4 4"] * 3)
    later = trained("tagspace", "later", ["4,1 9", "1,3 1"] * 3, *start_from(earlier))
    assert labels_of("tagspace", later) == ["0", "1", "2", "3", "4"]
    assert "2 new label(s), which start afresh: 3, 4" in capsys.readouterr().out


def test_listed_labels_with_levels_go_by_their_names(trained, capsys):
    levels = ["reader.n_levels=3", "hyper_parameters.loss=softmax"]
    earlier = trained(
        "multilabel",
        "earlier",
        ["0,2,1\tone two", "1,0,0\ttwo"] * 6,
        *levels,
        "reader.labels=[a,b,c]",
    )
    later = trained(
        "multilabel",
        "later",
        ["0,2,1\tone two", "1,0,0\ttwo"] * 6,
        *(*levels, "reader.labels=[c,x,a]", *start_from(earlier)),
    )
    weights = [np.split(saved.weights["output.weight"], 3, axis=1) for saved in (earlier, later)]
    np.testing.assert_array_equal(weights[1][0], weights[0][2])
    np.testing.assert_array_equal(weights[1][2], weights[0][0])
    out = capsys.readouterr().out
    assert "1 new label(s), which start afresh: x" in out
    assert "1 label(s) that reader.labels lacks, which are left out: b" in out


def test_a_model_that_does_not_tell_its_weights_of_labels_is_refused(trained, monkeypatch):
    earlier = trained("tagspace", "earlier", EARLIER)
    monkeypatch.setattr("textzoo.running.model.Model.label_weights", {})
    _, folder = load_config(MODELS["tagspace"].config, [])
    monkeypatch.delattr(folder.dygraph_model, "label_weights")
    with pytest.raises(UserError, match=r"runner\.model_init_path: .* other labels, and model tag"):
        trained("tagspace", "later", LATER, *start_from(earlier))


class OneOfTwo:
    """A run that has one half of the labels."""

    def __init__(self, model, whole):
        self.model = model
        self.shards = {"label_weight": 5, "label_bias": 5}
        own = own_rows(5)
        self.weights = {k: v[own] if k in self.shards else v for k, v in whole.items()}

    def parameters(self):
        return {name: np.full_like(values, 7) for name, values in self.weights.items()}

    def set_parameters(self, values):
        self.weights = values


def test_divided_labels_start_from_the_rows_of_their_process(trained, monkeypatch):
    earlier = trained("xmlcnn", "earlier", EARLIER)
    later = trained("xmlcnn", "later", LATER, *start_from(earlier))
    config, folder = load_config(MODELS["xmlcnn"].config, list(MODELS["xmlcnn"].overrides))
    model = type("Model", (folder.dygraph_model,), {"initialise_labels": lambda *_: None})({})
    reader = build_reader(config, folder, later.path / "vocabulary")
    halves = []
    for rank in range(2):
        monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
        monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))
        halves.append(OneOfTwo(model, later.weights))
        label_transfer.start_from(halves[-1], load_checkpoint(earlier.path), config, folder, reader)
    for name in ("label_weight", "label_bias"):
        whole = np.concatenate([half.weights[name] for half in halves])
        np.testing.assert_array_equal(whole[:3], earlier.weights[name])
        assert (whole[3:] == 7).all()
