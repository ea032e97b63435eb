import json
import shutil

import pytest
from harness.exports import LINEAR, repair
from harness.workspace import infer_metrics

from textzoo.config.layers import read_layers
from textzoo.errors import UserError
from textzoo.serving.evaluating import evaluate_model
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.in_process import Tagger
from textzoo.serving.trained_model import TrainedModel


def test_data(export):
    """The path that the run was evaluated on."""
    layers = read_layers(export.config, export.settings)
    names = [
        name for name in ("test_data_dir", "test_pair_file") if name in layers.blocks["runner"]
    ]
    (name,) = names
    folder = layers.origins[f"runner.{name}"]
    return folder / layers.blocks["runner"][name]


test_data.__test__ = False  # pytest takes it for a test


@pytest.mark.parametrize("name", ["tagspace", "xmlcnn", "levels", LINEAR])
def test_the_metrics_are_those_of_infer(exported, name):
    export = exported(name)
    expected = infer_metrics(export.run / "infer")
    for model in (TrainedModel(export.config, export.settings), ExportedModel(export.folder)):
        found = evaluate_model(model, test_data(export))
        assert found == pytest.approx({key: expected[key] for key in found}, abs=2e-3)
        assert found.keys() == expected.keys() - {"checkpoint", "checkpoints", "labels", "steps"}


def test_pairs_are_found_in_the_corpus_of_the_config(exported):
    export = exported("batchneg")
    expected = infer_metrics(export.run / "infer")
    model = TrainedModel(export.config, export.settings)
    found = evaluate_model(model, test_data(export))
    assert found == pytest.approx({key: expected[key] for key in found}, abs=2e-3)
    # Of an export among the texts of the pairs: each query finds its own title there.
    pairs = [("how do I reset it", "ways to reset it"), ("the price of corn", "what corn costs")]
    assert evaluate_model(ExportedModel(export.folder), pairs, ["recall@10"])["recall@10"] == 1


def test_rows_count_like_those_of_a_file(exported, tmp_path):
    tagger = Tagger.load(exported("tagspace").folder)
    texts = ["a game of ball", "bread and soup", "rain and wind"]
    label = tagger.predict(texts[:1])[0]["top"][0]["tag"]
    rows = [(text, [label]) for text in texts]
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "labels": own}) for text, own in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = tagger.evaluate(rows)
    assert found == tagger.evaluate(path) == tagger.evaluate(iter(rows))
    right = [row["top"][0]["tag"] == label for row in tagger.predict(texts)]
    assert found["accuracy"] == pytest.approx(sum(right) / 3)
    assert tagger.evaluate(rows, ["recall@3"]).keys() >= {"recall@3"}


def test_metrics_that_are_not_known_are_asked_for(exported, tmp_path):
    export = exported("tagspace")
    tagger = Tagger.load(export.folder)
    with pytest.raises(UserError, match="accuraccy"):
        tagger.evaluate([("a", ["b"])], ["accuraccy"])
    older = shutil.copytree(export.folder, tmp_path / "older")
    repair(older, metrics=None)
    with pytest.raises(UserError, match=r"expected metrics=\[\.\.\.\]"):
        Tagger.load(older).evaluate([("a", ["b"])])
