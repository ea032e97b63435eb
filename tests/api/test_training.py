"""textzoo.train: the same run as that of the command on the same rows in a file."""

import json
import logging
import random
import shutil
import signal
import threading

import numpy as np
import pytest
import yaml

import textzoo
from textzoo.commands.train import train as command
from textzoo.config.bundled import bundled_config
from textzoo.config.loading import load_config
from textzoo.config.variables import without_variables
from textzoo.errors import UserError
from textzoo.training.checkpoint import load_checkpoint

WORDS = {"sport": "ball goal team", "food": "bread soup rice", "tech": "code chip net"}
ROWS = [
    (" ".join(np.random.default_rng(n).permutation([*words.split(), "the", "a"])), [label])
    for n in range(12)
    for label, words in WORDS.items()
]
SMALL = {
    "runner": {"epochs": 2, "train_batch_size": 8},
    "hyper_parameters": {"emb_dim": 4, "hid_dim": 4, "linear": {"features": "none"}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "sub"
    return textzoo.train("tagspace", ROWS, ROWS[:9], output=place, verbose=False, **SMALL)


def test_it_is_the_run_that_the_command_makes(run, tmp_path):
    lines = [json.dumps({"text": text, "label": labels}) for text, labels in ROWS]
    for name, own in (("train", lines), ("valid", lines[:9])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(own) + "\n", encoding="utf-8")
    config = {**SMALL, "base": str(bundled_config("tagspace"))}
    config["runner"] = {**SMALL["runner"], "train_data_dir": "train.jsonl"}
    config["runner"] |= {"valid_data_dir": "valid.jsonl", "model_save_path": "output"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command(tmp_path / "config.yaml", [], "dygraph")
    ours, theirs = (
        load_checkpoint(place / "best") for place in (run.path / "checkpoints", tmp_path / "output")
    )
    assert ours.facts["sha256"]["rec.pdparams"] == theirs.facts["sha256"]["rec.pdparams"]
    told = theirs.facts["progress"]
    assert run.metrics[told["best_metric"]] == told["best_value"]
    assert run.metrics["rows"] == 9


def test_the_history_is_what_metrics_jsonl_says(run):
    kinds = [line["kind"] for line in run.history]
    assert kinds[0] == "session" and kinds[-1] == "end" and kinds.count("evaluation") == 2


def test_its_folder_may_be_moved(run, tmp_path):
    expected = run.tagger().predict(["a ball", "soup"])
    moved = shutil.copytree(run.path, tmp_path / "moved")
    shutil.rmtree(moved / "data")
    assert textzoo.Tagger.load(moved).predict(["a ball", "soup"]) == expected
    with pytest.raises(UserError, match="holds a model of tags; expected one of embeddings"):
        run.encoder()


def test_what_variables_held_stays_and_a_dollar_stays_one(tmp_path, monkeypatch):
    monkeypatch.setenv("WIDTH", "6")
    base = tmp_path / "base$$.yaml"
    base.write_text("base: tagspace\nhyper_parameters:\n  tag_dim: ${WIDTH}\n", encoding="utf-8")
    pattern = "[a-z]+|\\${2}"
    rows = tmp_path / "rows${WIDTH}.jsonl"
    lines = [json.dumps({"text": text, "label": labels}) for text, labels in ROWS]
    rows.write_text("\n".join(lines), encoding="utf-8")
    settings = {**SMALL, "reader": {"token_pattern": without_variables(pattern)}}
    run = textzoo.train(base, rows, output=tmp_path / "run", verbose=False, **settings)
    monkeypatch.delenv("WIDTH")
    config, _ = load_config(run.config, [])
    assert config.hyper_parameters["tag_dim"] == 6
    assert config.reader["token_pattern"] == pattern
    assert config.runner.train_data_dir == rows
    assert run.tagger().predict(["a ball"])


def test_of_pairs_an_encoder_and_a_search(tmp_path):
    pairs = [(text, f"{text} too") for text, _ in ROWS]
    (tmp_path / "corpus.txt").write_text("ball goal\nsoup\n", encoding="utf-8")
    run = textzoo.train(
        {"base": "batchneg", "reader": {"ngram_buckets": 64}, "index": {"backend": "exact"}},
        pairs,
        output=tmp_path / "run",
        verbose=False,
        runner__epochs=1,
        **{"runner.corpus_file": tmp_path / "corpus.txt"},
    )
    assert run.metrics["rows"] == 4  # a tenth of the pairs
    assert run.encoder().encode(["ball"]).shape[0] == 1
    assert [hit["text"] for hit in run.index().search(["goal ball"], 1)[0]] == ["ball goal"]
    found = textzoo.SentenceEncoder(run.encoder()).encode("soup")
    np.testing.assert_allclose(np.linalg.norm(found), 1, atol=1e-5)


def test_nothing_of_the_sample_is_left(run, tmp_path):
    """A bundled config names data of its own, to which a user's rows do not belong."""
    written = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    assert written["base"] == "tagspace/config.yaml"
    data = {k: v for k, v in written["runner"].items() if k.endswith(("_dir", "_file"))}
    assert data == {
        "train_data_dir": "data/train.jsonl",
        "valid_data_dir": "data/valid.jsonl",
        "test_data_dir": None,
        "corpus_file": None,
    }


def test_the_program_that_calls_keeps_its_signals_log_and_random_numbers(tmp_path, capsys):
    random.seed(3)
    np.random.seed(3)
    log = logging.getLogger("textzoo")
    before = random.getstate(), np.random.get_state()[1].tolist(), log.handlers[:], log.level
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    seen = []

    def watch(*_):
        seen.append(signal.getsignal(signal.SIGINT))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textzoo.training.run_log.RunLog.training", watch)
        textzoo.train(
            "tagspace", ROWS, output=tmp_path, verbose=False, runner__print_interval=1, **SMALL
        )
    after = random.getstate(), np.random.get_state()[1].tolist(), log.handlers[:], log.level
    assert after == before
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert seen and set(seen) == {handlers[0]}
    assert capsys.readouterr() == ("", "")


def test_it_trains_in_a_thread_that_has_no_signals(tmp_path):
    done = []

    def work():
        done.append(textzoo.train("tagspace", ROWS, output=tmp_path, verbose=False, **SMALL))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


def test_runs_without_a_folder_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [textzoo.train("tagspace", ROWS, verbose=False, runner__epochs=0).path for _ in range(2)]
    assert [path.as_posix() for path in runs] == [
        "textzoo_runs/tagspace-1",
        "textzoo_runs/tagspace-2",
    ]


@pytest.mark.parametrize(
    ("config", "settings", "says"),
    [
        ("tagspce", {}, "config: no such file: tagspce; .* bundled model: batchneg"),
        (7, {}, "config: received int, expected a name, a path or a dict"),
        ({"runner": {}}, {}, "config: received a dict with base=None"),
        ("tagspace", {"runner__epoch": 1}, r"runner\.epoch: unknown key"),
        ("tagspace", {"runner__epochs": object()}, r"runner\.epochs: received <object"),
        ("tagspace", {"runner__processes": 2}, r"runner\.processes: received 2, expected 1"),
        ("tagspace", {"runner__nodes": 2}, r"runner\.nodes: received 2, expected 1"),
        ("tagspace", {"runner__model_save_path": "x"}, "is given as output=FOLDER"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(tmp_path, config, settings, says):
    with pytest.raises(UserError, match=says):
        textzoo.train(config, ROWS, output=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_row_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"train\[1\]: received 'b'"):
        textzoo.train("tagspace", [ROWS[0], "b"], output=tmp_path / "a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "own").mkdir()
    with pytest.raises(UserError, match=r"valid\[0\]: received 'b'"):
        textzoo.train("tagspace", ROWS, ["b"], output=tmp_path / "own")
    assert (tmp_path / "own").is_dir()
    with pytest.raises(UserError, match=r"train\.jsonl:2: received no tag"):
        textzoo.train("tagspace", [ROWS[0], ("b", [])], output=tmp_path / "b", verbose=False)


def test_a_config_of_somebody_else_is_not_replaced(tmp_path):
    (tmp_path / "config.yaml").write_text("runner: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"was not written by textzoo\.train"):
        textzoo.train("tagspace", ROWS, output=tmp_path)
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "runner: {}\n"
