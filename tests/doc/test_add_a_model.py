"""doc/add_a_model.md: its model, loss and optimizer, written to files as they are shown there."""

import json
import re
from pathlib import Path

import pytest
from harness.running import ROOT
from harness.workspace import MODELS, Saved, copy_rows, infer_metrics, metric_lines

from textzoo import Tagger
from textzoo.commands import export, infer, train

PAGE = (ROOT / "doc" / "add_a_model.md").read_text(encoding="utf-8")


def shown(name):
    """The content of a file on the page."""
    return re.search(rf"^`my_bag/{re.escape(name)}`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S)[1]


def write(folder, *names, **changed):
    for name in names:
        text = shown(name)
        for before, after in changed.get(name.partition(".")[0], ()):
            assert before in text, f"{name}: {before}"
            text = text.replace(before, after)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sixth model, with rows of one label each."""
    folder = tmp_path_factory.mktemp("model") / "my_bag"
    write_model(folder)
    return folder


def write_model(folder: Path, **changed):
    folder.mkdir()
    names = ("net.py", "reader.py", "dygraph_model.py", "static_model.py", "config.yaml")
    write(folder, *names, **changed)
    for split, n_rows in (("train", 400), ("test", 60)):
        copy_rows(MODELS["tagspace"].folder / "data" / split, folder / "data" / split, n_rows)
        (file,) = (folder / "data" / split).iterdir()
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = [
            f"{line.split(',')[0].split(chr(9))[0]}\t{line.split(chr(9))[1]}\n" for line in lines
        ]
        (folder / "data" / f"{split}.tsv").write_text("".join(rows), encoding="utf-8")


def call(command, folder, *options, graph="main", overrides=()):
    arguments = ["-m", str(folder / "config.yaml"), *map(str, options)]
    return getattr(command, graph)([*arguments, "-o", "runner.print_interval=5", *overrides])


def test_the_model_trains_alike_in_both_graphs_and_learns(folder):
    runs = []
    for graph in ("main", "static_main"):
        output = folder / graph
        overrides = [f"runner.model_save_path={output}"]
        assert call(train, folder, graph=graph, overrides=overrides) == 0
        assert call(infer, folder, graph=graph, overrides=overrides) == 0
        runs.append((metric_lines(output), infer_metrics(output / "infer")["accuracy"]))
    assert runs[0] == runs[1]
    losses = [line["loss"] for line in runs[0][0] if line["kind"] == "train"]
    assert losses[-1] < 0.7 * losses[0]
    assert runs[0][1] > 0.3  # of 10 labels


def test_its_export_predicts_what_infer_predicts(folder, tmp_path):
    overrides = [f"runner.model_save_path={tmp_path}"]
    assert call(train, folder, overrides=overrides) == 0
    assert call(infer, folder, overrides=overrides) == 0
    assert call(export, folder, "--output", tmp_path / "exported", overrides=overrides) == 0
    lines = (tmp_path / "infer" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = list(map(json.loads, lines))
    tagger = Tagger.load(tmp_path / "exported", trust_code=True)
    found = tagger.predict([row["text"] for row in rows])
    for our, their in zip(found, rows):
        assert our["top"][0]["tag"] == their["top"][0]["tag"]


def test_a_loss_is_one_file_and_a_name(tmp_path):
    (body,) = re.findall(r"```python\n(        logits = .*?)```", PAGE, re.S)
    folder = tmp_path / "my_bag"
    changes = [
        ('loss: Literal["softmax"]', 'loss: Literal["softmax", "smoothed"]'),
        ("        return F.cross_entropy(self(tokens, lengths), positive)\n", body),
        ("\n\nclass Net", "\nfrom .smoothing import smoothed_cross_entropy\n\n\nclass Net"),
    ]
    write_model(folder, net=changes)
    write(folder, "smoothing.py")
    plain, smoothed = (
        first_loss(folder, tmp_path / name, f"hyper_parameters.loss={name}")
        for name in ("softmax", "smoothed")
    )
    # All labels are about as probable at the start: both are the logarithm of their number.
    assert smoothed == pytest.approx(plain, rel=0.05)
    assert smoothed != plain


def first_loss(folder, output, *overrides):
    settings = [f"runner.model_save_path={output}", "runner.epochs=1", *overrides]
    assert call(train, folder, overrides=settings) == 0
    return metric_lines(output, "train")[0]["loss"]


def test_an_optimizer_is_one_file_and_a_name_and_resumes(tmp_path, capsys):
    folder = tmp_path / "my_bag"
    metrics = '    metrics = ("accuracy", "mrr")\n'
    changes = [
        (metrics, f'{metrics}    optimizers = {{"Lion": Lion}}\n'),
        ("from .net import Net\n", "from .lion import Lion\nfrom .net import Net\n"),
    ]
    write_model(folder, dygraph_model=changes)
    write(folder, "lion.py")
    lion = ["hyper_parameters.optimizer={class: Lion, learning_rate: 0.003, beta2: 0.9}"]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    for output, epochs in ((whole, [2]), (resumed, [1, 2])):
        for n in epochs:
            settings = [*lion, f"runner.model_save_path={output}", f"runner.epochs={n}"]
            assert call(train, folder, overrides=settings) == 0
    saved = [Saved(output / "1") for output in (whole, resumed)]
    for ours, theirs in zip(*(each.weights.values() for each in saved)):
        assert ours.tobytes() == theirs.tobytes()
    assert "mean/words.weight" in saved[0].optimizer
    losses = [line["loss"] for line in metric_lines(whole, "train")]
    assert losses[-1] < losses[0]

    capsys.readouterr()
    wrong = ["hyper_parameters.optimizer={class: Lino, learning_rate: 0.003}"]
    assert call(train, folder, overrides=wrong) == 2
    assert re.search(r"optimizer\.class: received 'Lino', expected .*Lion", capsys.readouterr().err)
    wrong = ["hyper_parameters.optimizer={class: Lion, learning_rate: 0.003, beta3: 1.0}"]
    assert call(train, folder, overrides=wrong) == 2
    assert "optimizer.beta3: unknown key; did you mean" in capsys.readouterr().err
