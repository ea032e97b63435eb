"""predict.py with models that score labels: plain texts in, one JSON object for each out."""

import io
import json
import subprocess

import numpy as np
import pytest
from harness.exports import LINEAR, NAMES
from harness.workspace import ENVIRONMENT, TIMEOUT, command_line, predictions

from textzoo.commands.infer import main as infer
from textzoo.commands.predict import main as predict
from textzoo.commands.train import train
from textzoo.config.model_folder import load_model_folder
from textzoo.errors import BadLine
from textzoo.inference import labelling
from textzoo.linear.fusion import all_scores
from textzoo.running.predictor import supports_bfloat16
from textzoo.serving.in_process import Tagger
from textzoo.text.spans import without_each

TAGGERS = [name for name in NAMES if name not in ("batchneg", "hardestneg")]


def call(command, export, *options, overrides=()):
    return command(
        ["-m", str(export.config), *map(str, options), "-o", *export.settings, *overrides]
    )


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def assert_same_but_tags(ours, theirs):
    """Compare with rows of predictions.jsonl; the order of equal scores is left open."""
    assert len(ours) == len(theirs) > 100
    for our, their in zip(ours, theirs):
        assert our.keys() == their.keys() - {"tags", "ranks"}
        assert (our["text"], our.get("predicted")) == (their["text"], their.get("predicted"))
        scores = [[best["score"] for best in row["top"]] for row in (our, their)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)
        expected = {best["tag"]: best["score"] for best in their["top"]}
        for best in our["top"]:
            lowest = min(expected.values())
            assert best["score"] == pytest.approx(expected.get(best["tag"], lowest), abs=1e-5)


def typed(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


def write_texts(path, rows):
    path.write_text("".join(f"{row['text']}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TAGGERS)
def test_texts_get_the_predictions_that_infer_gives_their_rows(exported, name, tmp_path, capfd):
    rows = predictions(exported(name).run / "infer")
    texts, output = write_texts(tmp_path / "texts", rows), tmp_path / "new" / "found.jsonl"
    assert call(predict, exported(name), "--texts", texts, "--output", output) == 0
    assert f"{len(rows)} texts: {output}" in capfd.readouterr().out
    assert_same_but_tags(rows_of(output.read_text(encoding="utf-8")), rows)
    assert call(predict, exported(name), "--texts", texts) == 0
    printed = capfd.readouterr()
    assert printed.out == output.read_text(encoding="utf-8")
    assert printed.err.startswith("checkpoint ")
    assert predictions(exported(name).run / "infer") == rows


def test_checkpoint_ensemble_engine_precision_and_threshold_are_as_for_infer(exported, tmp_path):
    export, other = exported("multilabel"), f"{tmp_path}/other"
    settings = [*export.settings, "runner.seed=2", f"runner.model_save_path={other}"]
    train(export.config, settings, "dygraph")
    texts = write_texts(tmp_path / "texts", predictions(export.run / "infer"))
    for i, overrides in enumerate(
        [
            (f"runner.infer_checkpoint={other}/0", "runner.top_k=2"),
            (f"runner.infer_ensemble=[{export.run}/best,{other}/0]", "runner.threshold=0.3"),
            ("runner.infer_engine=static", "runner.threshold=0.1"),
            *([("runner.infer_precision=bfloat16",)] if supports_bfloat16() else []),
        ]
    ):
        folder, output = tmp_path / str(i), tmp_path / f"{i}.jsonl"
        settings = (*overrides, f"runner.infer_output_dir={folder}")
        assert call(infer, export, overrides=settings) == 0
        options = ("--texts", texts, "--output", output)
        assert call(predict, export, *options, overrides=overrides) == 0
        assert_same_but_tags(rows_of(output.read_text(encoding="utf-8")), predictions(folder))


def test_lines_are_answered_in_order_a_chunk_at_a_time(exported, monkeypatch, capfd, tmp_path):
    monkeypatch.setattr(labelling, "_CHUNK", 3)
    given = "sharp knife\n\n  the moon\tof\r\n \na much longer text about null pointers\n"
    texts = ["sharp knife", "", "the moon\tof", "", "a much longer text about null pointers"]
    typed(monkeypatch, given.encode())
    assert call(predict, exported("tagspace"), "--texts", "-") == 0
    rows = rows_of(capfd.readouterr().out)
    assert [row["text"] for row in rows] == texts
    assert all(len(row["top"]) == 5 for row in rows)
    assert rows[1]["top"] == rows[3]["top"] != rows[0]["top"]

    # The first chunk is answered before what comes after it is read.
    for options, n_answers in (((), 3), (("--output", tmp_path / "found.jsonl"), 0)):
        typed(monkeypatch, given.encode() + b"\xff\n")
        assert call(predict, exported("tagspace"), "--texts", "-", *options) == 2
        printed = capfd.readouterr()
        assert printed.out.count('"top"') == n_answers
        assert "standard input:6: byte 1 is not UTF-8" in printed.err
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_the_model_cannot_read_is_named(exported, monkeypatch, capfd):
    def refuse(self, text):
        raise BadLine("too odd")

    typed(monkeypatch, b"a text\n")
    reader = load_model_folder(exported("tagspace").config.parent).reader
    monkeypatch.setattr(reader, "encode_text", refuse)
    assert call(predict, exported("tagspace"), "--texts", "-") == 2
    assert "standard input:1: too odd" in capfd.readouterr().err


def test_a_reader_of_the_answers_may_stop_early(exported):
    export = exported("tagspace")
    line = command_line("predict", "-m", export.config, "--texts", "-", "-o", *export.settings)
    with subprocess.Popen(
        line,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        process.stdin.write("a sharp knife\n" * 2000)
        process.stdin.close()
        assert json.loads(process.stdout.readline())["text"] == "a sharp knife"
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(TIMEOUT) == 141  # as of what SIGPIPE ends
    assert said.startswith("checkpoint ")
    assert said.count("\n") == 1


def test_what_does_not_go_together_is_refused(exported, capfd, tmp_path):
    export = exported("tagspace")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("one\n", encoding="utf-8")
    for options, complaint in (
        (("--pairs", "-"), "--pairs: model tagspace predicts labels of texts: expected --texts"),
        ((), "--texts: model tagspace predicts labels of texts: expected --texts"),
        (("--texts", "nowhere"), "--texts: no such file: nowhere"),
        (("--texts", tmp_path / "empty"), "--texts: received no text"),
        (
            ("--texts", tmp_path / "text", "--output", tmp_path / "text" / "x"),
            f"--output: cannot write {tmp_path / 'text' / 'x'}: ",
        ),
    ):
        assert call(predict, export, *options) == 2
        assert complaint in capfd.readouterr().err


def test_explain_tells_the_ngrams_of_a_text_that_add_to_its_scores(exported, tmp_path, capfd):
    export = exported(LINEAR)
    texts = tmp_path / "texts"
    text = predictions(export.run / "infer")[0]["text"]
    texts.write_text(f"{text}\n\n", encoding="utf-8")
    capfd.readouterr()  # of the training
    assert call(predict, export, "--texts", texts) == 0
    plain = rows_of(capfd.readouterr().out)
    assert call(predict, export, "--texts", texts, "--explain", "3") == 0
    found, blank = rows_of(capfd.readouterr().out)
    assert found.pop("shares_of") == blank.pop("shares_of") == "score"
    words = [best.pop("words") for best in found["top"]]
    assert words[0] and all(len(own) <= 3 for own in words)
    assert all(text.strip()[w["start"] : w["end"]] == w["word"] for own in words for w in own)
    reasons = [best.pop("why") for best in found["top"]]
    assert reasons[0] and all(len(why) <= 3 for why in reasons)
    inside = "".join(text.lower().split())  # an n-gram of words has spaces that the text has not
    assert all("".join(one["ngram"].split()) in inside for why in reasons for one in why)
    for key in ("why", "words"):
        assert [best.pop(key) for best in blank["top"]] == [[]] * len(blank["top"])
    assert [found, blank] == plain
    expected = Tagger.load(export.folder).predict([text.strip()], explain=3)[0]["top"][0]
    assert reasons[0] == expected["why"]
    assert [w["share"] for w in words[0]] == pytest.approx(
        [w["share"] for w in expected["words"]], abs=1e-4
    )


@pytest.mark.parametrize("name", ["xmlcnn", "multilabel", "levels", "tagspace"])
def test_a_word_has_what_a_net_loses_without_it_in_config_and_export(
    exported, name, tmp_path, capfd
):
    """The shares are differences of what the same command says of the texts themselves."""
    export = exported(name)
    text = predictions(export.run / "infer")[0]["text"].strip()
    capfd.readouterr()
    tagger = Tagger.load(export.folder)
    tag = tagger.predict([text])[0]["top"][0]["tag"]
    spans, (shares,) = tagger.explainer.shares(text, [tag])
    label, _, level = tag.rpartition(":") if name == "levels" else (tag, "", "")
    ids = tagger.label_names.index(label)

    def score(of):
        (row,) = (outputs for _, outputs in tagger.model.batches(tagger.model.encode([of])))
        value = all_scores(row, len(tagger.label_names))[0, ids]
        value = float(value[int(level)] if level else value)
        return value if name == "tagspace" else np.log(value / (1 - value))

    expected = [score(text) - score(left) for left in without_each(text, spans)]
    np.testing.assert_allclose(shares, expected, atol=2e-3)
    texts = write_texts(tmp_path / "texts", [{"text": text}])
    assert call(predict, export, "--texts", texts, "--explain", "99") == 0
    (row,) = rows_of(capfd.readouterr().out)
    found = {w["start"]: w["share"] for w in row["top"][0]["words"]}
    given = [found.get(int(start), 0) for start, _ in spans]
    np.testing.assert_allclose(given, expected, atol=2e-3)
    assert row["shares_of"] == ("score" if name == "tagspace" else "logit")


def test_an_ensemble_is_explained_by_its_mean_score(exported, tmp_path, capfd):
    export = exported(LINEAR)
    texts = write_texts(tmp_path / "texts", predictions(export.run / "infer")[:1])
    capfd.readouterr()
    several = f"runner.infer_ensemble=[{export.run}/best,{export.run}/0]"
    assert call(predict, export, "--texts", texts, "--explain", overrides=[several]) == 0
    (row,) = rows_of(capfd.readouterr().out)
    assert row["shares_of"] == "score" and "why" not in row["top"][0]
    assert any(best["words"] for best in row["top"])
    assert call(predict, exported("batchneg"), "--texts", texts, "--explain") == 2
    assert "expected a model that scores labels" in capfd.readouterr().err
