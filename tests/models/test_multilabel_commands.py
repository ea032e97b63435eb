"""multilabel through the commands: thresholds that a checkpoint keeps, reports, levels, CSV."""

import json

import numpy as np
import pytest
from harness.pretrained import tensors_of, write_hugging_face
from harness.running import run_command
from harness.workspace import (
    MODELS,
    Saved,
    Workspace,
    assert_same_checkpoint,
    infer_metrics,
    metric_lines,
    predictions,
)

from textzoo import Tagger
from textzoo.config.model_folder import load_model_folder
from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary

MODEL = MODELS["multilabel"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("multilabel"), MODEL)


def test_thresholds_are_tuned_on_validation_rows_and_used_for_test_rows(workspace):
    per_label = ("runner.threshold=per_label", "runner.epochs=1")
    workspace.run("trainer", "thresholds", *per_label)
    output = workspace.output("thresholds")
    tuned = Saved(output / "best").facts["progress"]["threshold"]
    assert tuned == metric_lines(output, "evaluation")[-1]["threshold"]
    assert len(set(tuned)) > 1

    workspace.run("infer", "thresholds", *per_label, "runner.top_k=14")
    names = (output / "best/vocabulary/labels.txt").read_text(encoding="utf-8").split()
    limits = dict(zip(names, tuned))
    rows = predictions(output / "infer")
    for row in rows:
        expected = [best["tag"] for best in row["top"] if best["score"] > limits[best["tag"]]]
        assert row["predicted"] == expected
    hits = sum(len({*row["predicted"]} & {*row["tags"]}) for row in rows)
    total = sum(len(row["predicted"]) + len(row["tags"]) for row in rows)
    assert infer_metrics(output / "infer")["micro_f1"] == pytest.approx(2 * hits / total)
    report = json.loads((output / "infer/label_report.json").read_text(encoding="utf-8"))
    assert list(report["labels"]) == names
    assert report["averages"]["micro avg"]["f1"] == pytest.approx(2 * hits / total)
    assert (output / "infer/label_report.csv").is_file()
    assert (output / "infer/label_report.txt").is_file()


def test_validation_rows_of_which_none_has_a_label_are_warned_of(workspace, tmp_path):
    rows = tmp_path / "valid.tsv"
    rows.write_text("\t请问最近的卫生所在哪里\n", encoding="utf-8")
    given = (f"runner.valid_data_dir={rows}", "runner.valid_fraction=0", "runner.epochs=1")
    result = workspace.run("trainer", "unlabelled", *given, "hyper_parameters.linear.features=none")
    assert "none of the validation rows has a label: F1 is 0" in result.stdout
    (measured,) = metric_lines(workspace.output("unlabelled"), "evaluation")
    assert measured["threshold"] == 0.5


def test_a_run_on_frozen_pretrained_layers_goes_on_in_the_other_graph(workspace, tmp_path):
    write_hugging_face(tmp_path, "bert")
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    file = tmp_path / "vocab.txt"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"的一是不了在人有我他这"]
    file.write_text("\n".join(tokens[: config["vocab_size"]]) + "\n", encoding="utf-8")
    settings = (
        *(f"hyper_parameters.encoder.{key}=null" for key in ("config", "num_hidden_layers")),
        *(f"hyper_parameters.encoder.{key}=null" for key in ("hidden_size", "intermediate_size")),
        f"hyper_parameters.encoder.pretrained={tmp_path}",
        "hyper_parameters.encoder.freeze_layers=1",
        "hyper_parameters.optimizer.layer_decay=0.5",
        "hyper_parameters.optimizer.schedule=constant",
        "hyper_parameters.optimizer.warmup=0",
        f"reader.max_len={config['max_position_embeddings']}",
    )
    computed = (*settings, "runner.frozen_cache_gb=0")
    workspace.run("trainer", "frozen", *computed)
    workspace.run("static_trainer", "going on", *settings, "runner.epochs=1")
    workspace.run("trainer", "going on", *computed)
    ends = [workspace.output(name) / "1" for name in ("frozen", "going on")]
    assert_same_checkpoint(*ends)

    # What the frozen layers give may be looked up, and is the same in a run that goes on.
    assert "MB in the cache" in workspace.run("trainer", "looked up", *settings).stdout
    for epochs in "12":
        cache = f"runner.cache_dir={tmp_path}/cache {epochs}"
        workspace.run("trainer", "in two parts", *settings, cache, f"runner.epochs={epochs}")
    looked_up, in_two_parts = (
        workspace.output(name) / "1" for name in ("looked up", "in two parts")
    )
    assert_same_checkpoint(looked_up, in_two_parts)
    for name, weight in Saved(looked_up).weights.items():
        np.testing.assert_allclose(weight, Saved(ends[0]).weights[name], atol=0.01, err_msg=name)
    theirs, ours = tensors_of("bert"), Saved(ends[0]).weights
    for place, same in ((0, True), (1, False)):
        expected = theirs[f"encoder.layer.{place}.output.dense.weight"].T
        assert (ours[f"encoder.layers.{place}.output.weight"] == expected).all() == same
    word_embeddings = theirs["embeddings.word_embeddings.weight"]
    assert (ours["encoder.word_embeddings.weight"] == word_embeddings).all()
    assert not [name for name in Saved(ends[0]).optimizer if "encoder.layers.0" in name]

    workspace.run("infer", "frozen", *settings)
    folder = tmp_path / "exported"
    run_command(
        "export", *workspace.arguments("export", "frozen", *settings)[2:], "--output", folder
    )
    rows = predictions(workspace.output("frozen") / "infer")[:20]
    for row, found in zip(rows, Tagger.load(folder).predict([row["text"] for row in rows])):
        assert found["top"][0]["tag"] == row["top"][0]["tag"]


def test_levels_are_trained_and_predicted(workspace):
    data = MODEL.folder / "data" / "levels"
    places = (f"runner.train_data_dir={data}/train", f"runner.test_data_dir={data}/test")
    config = MODEL.folder / "config_fine_grained.yaml"
    settings = (*places, "runner.train_batch_size=32", "runner.epochs=5")
    workspace.run("trainer", "levels", *settings, config=config)
    result = workspace.run("static_infer", "levels", *settings, config=config)
    rows = predictions(workspace.output("levels") / "infer")
    right = zeros = 0
    for row in rows:
        gold = dict.fromkeys(row["predicted"], 0)
        gold.update((tag.split(":")[0], int(tag.split(":")[1])) for tag in row["tags"])
        zeros += sum(level == 0 for level in gold.values())
        right += sum(row["predicted"][label] == level for label, level in gold.items())
    assert result.metrics["rows"] == len(rows) == 300
    assert result.metrics["level_accuracy"] == pytest.approx(right / (6 * 300), abs=1e-4)
    assert right > zeros  # more than if every level were 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hyper_parameters.loss=softmax"], "loss: softmax needs levels"),
        (["hyper_parameters.r_drop=1", "hyper_parameters.dropout=0"], "every dropout is 0"),
        (["runner.threshold=best"], "runner.threshold: received 'best'"),
    ],
)
def test_mistakes_are_named(workspace, overrides, message):
    no_dropout = [
        f"hyper_parameters.encoder.{name}_dropout_prob=0.0"
        for name in ("hidden", "attention_probs")
    ]
    result = workspace.run("trainer", "mistakes", *no_dropout, *overrides, expect=2)
    assert message in result.stderr


def test_a_metric_of_which_less_is_better_chooses_the_best_checkpoint(workspace):
    settings = ("runner.best_metric=hamming_loss", "runner.epochs=3", "runner.eval_steps=20")
    result = workspace.run("trainer", "least", *settings)
    lines = metric_lines(workspace.output("least"), "evaluation")
    losses = [line["hamming_loss"] for line in lines]
    assert losses[0] > min(losses)
    assert (
        Saved(workspace.output("least") / "best").step == lines[losses.index(min(losses))]["step"]
    )
    assert f"best hamming_loss {min(losses):.4f}" in result.stdout


CSV = """text,Label
"又堵, 又吵
在""楼下""	很吵",停车|噪音

你好,
"只有
两行",停车
"""


def test_csv_is_read_by_the_names_of_its_columns_whatever_the_line_ends_in_cells(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 20)
    file = tmp_path / "rows.csv"
    file.write_text(CSV, encoding="utf-8")
    folder = load_model_folder(MODEL.folder)
    cache = Cache(tmp_path / "cache", "error")
    reader = folder.reader(format="csv")
    vocabulary = fitted_vocabulary([file], reader, {}, "identity", cache)
    reader = folder.reader(format="csv")
    reader.load(vocabulary)
    rows = encoded_rows([file], reader, True, "identity", cache)
    assert reader.label_names == ["停车", "噪音"]
    lines = [rows.line(row) for row in range(len(rows))]
    assert [line.number for line in lines] == [2, 5, 6]
    assert [reader.describe(line.text) for line in lines] == [
        {"text": '又堵, 又吵 在"楼下" 很吵', "tags": ["停车", "噪音"]},
        {"text": "你好", "tags": []},
        {"text": "只有 两行", "tags": ["停车"]},
    ]


def test_a_csv_file_without_known_names_of_columns_stops_the_trainer(workspace, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("停车,没有车位\n噪音,楼下太吵\n", encoding="utf-8")
    overrides = ("reader.format=csv", f"runner.train_data_dir={file}", "runner.bad_lines=skip")
    result = workspace.run("trainer", "csv", *overrides, expect=2)
    assert (
        f"{file}:1: CSV with the columns 停车, 没有车位: none is known for the labels"
        in result.stderr
    )
