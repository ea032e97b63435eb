"""Nets in training that are compiled for validation."""

import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from harness.recalled import CONFIG, call, write_pairs

from textzoo.commands.train import main as trainer
from textzoo.commands.train import static_main as static_trainer
from textzoo.config.loading import load_config
from textzoo.config.schema import Runner
from textzoo.data.dataset import Dataset
from textzoo.running import compiled
from textzoo.running.building import build_run
from textzoo.running.predictor import supports_bfloat16

TRANSFORMER = (
    *("hyper_parameters.encoder.config=tiny", "hyper_parameters.encoder.num_hidden_layers=1"),
    *("hyper_parameters.encoder.intermediate_size=16", "reader.vocab_size=500"),
)


@pytest.mark.parametrize(
    ("kind", "runner", "supported", "told"),
    [
        ("embeddings", {}, True, "validation computes in bfloat16"),
        ("embeddings", {}, False, "validation computes in float32"),
        ("embeddings", {"infer_engine": "dygraph"}, True, "validation computes in float32"),
        ("embeddings", {"use_gpu": True}, True, "validation computes in float32"),
        ("embeddings", {"infer_precision": "float32"}, True, ""),
        ("embeddings", {"infer_precision": "int8"}, True, ""),
        ("tags", {}, True, ""),
    ],
)
def test_bfloat16_is_computed_where_it_is_asked_for_and_can_be(
    monkeypatch, caplog, kind, runner, supported, told
):
    monkeypatch.setattr(compiled, "supports_bfloat16", lambda: supported)
    run = SimpleNamespace(model=SimpleNamespace(kind=kind))
    config = SimpleNamespace(runner=Runner(**{"infer_precision": "bfloat16", **runner}))
    with caplog.at_level(logging.INFO, logger="textzoo"):
        made = compiled.compiler_of(run, config, None, None)
    assert (made is not None) == ("bfloat16" in told)
    assert [record.getMessage()[: len(told)] for record in caplog.records] == [told] * bool(told)


def test_the_weights_are_those_of_now(tmp_path):
    write_pairs(tmp_path, 60, 20)
    overrides = [f"runner.train_data_dir={tmp_path}/train.tsv", f"runner.cache_dir={tmp_path}"]
    config, folder = load_config(CONFIG, overrides)
    data = Dataset(config, folder).for_training()
    run = build_run("dygraph", config, folder, data.reader, config.optimizer)
    columns, rows = data.train_rows.columns, np.arange(32)
    texts = run.model.infer_feeds({"text": columns["query"]}, rows)
    found = []
    for _ in range(2):
        found.append(run.infer_step(texts)["embeddings"])
        engine = compiled.compiled_now(run, config, folder, data.reader)
        np.testing.assert_allclose(engine.infer_step(texts)["embeddings"], found[-1], atol=1e-5)
        feeds = run.model.train_feeds(columns, rows, np.random.default_rng(0))
        run.train_step([feeds], 0.01)
    assert np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize("command", [trainer, static_trainer])
def test_a_run_that_validates_in_bfloat16_learns_the_same(tmp_path, capfd, command):
    if not supports_bfloat16():
        pytest.skip("this processor cannot compute in bfloat16")
    texts = write_pairs(tmp_path, 150, 20)
    (tmp_path / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    told, weights = {}, {}
    for precision in ("float32", "bfloat16"):
        output = tmp_path / precision
        here = (f"runner.model_save_path={output}", f"runner.infer_precision={precision}")
        more = ("runner.valid_fraction=0.3", "runner.eval_steps=1", "runner.epochs=2")
        assert call(command, tmp_path, overrides=(*TRANSFORMER, *more, *here)) == 0
        is_told = "validation computes in bfloat16" in capfd.readouterr().out
        assert is_told == (precision == "bfloat16")
        lines = (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        told[precision] = [line["mrr"] for line in map(json.loads, lines) if "mrr" in line]
        weights[precision] = (output / "1" / "rec.pdparams").read_bytes()
    assert weights["float32"] == weights["bfloat16"]
    assert len(told["float32"]) > 2
    np.testing.assert_allclose(told["bfloat16"], told["float32"], atol=0.05)
