import gzip
import io
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from harness.recalled import lines_of
from harness.workspace import digests, model_folders

from textzoo.commands.entry import main as entry
from textzoo.commands.new_model import main as new_model
from textzoo.commands.train import train
from textzoo.config.layers import read_layers
from textzoo.config.loading import load_config


@pytest.mark.parametrize("name", model_folders())
def test_a_copy_stands_alone_and_trains(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert new_model(["mine/own", "--from", name]) == 0
    folder = tmp_path / "mine" / "own"
    assert "  textzoo train -m mine/own/config.yaml" in capsys.readouterr().out
    source = digests(ROOT / "models" / name)
    copied = digests(folder)
    assert {k: v for k, v in copied.items() if k.endswith(".py")} == {
        k: v for k, v in source.items() if k.endswith(".py") and not k.startswith("data/")
    }
    schema = (ROOT / "models" / name / "config.schema.json").read_bytes()
    assert (folder / "config.schema.json").read_bytes() == schema
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=config.schema.json\n")
    runner = read_layers(folder / "config.yaml", []).blocks["runner"]
    for key in ("train_data_dir", "test_data_dir", "corpus_file"):
        assert runner.get(key, "data").startswith("data")
        assert (folder / runner.get(key, "data")).exists()
    assert "models/" not in text
    if name == "hardestneg":  # whose data come from another model's folder
        train(folder / "config.yaml", ["runner.epochs=1"], "dygraph")
        assert (folder / "output_model" / "0").is_dir()


def test_what_is_there_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    assert new_model([str(tmp_path / "thesis"), "--from", "tagspace"]) == 2
    assert "exists; choose another folder" in capsys.readouterr().err
    assert not list((tmp_path / "thesis").iterdir())


def test_the_source_may_be_any_model_folder_and_has_to_be_one(tmp_path, capsys):
    own = shutil.copytree(ROOT / "models" / "tagspace", tmp_path / "own")
    assert new_model([str(tmp_path / "copy"), "--from", str(own)]) == 0
    assert (tmp_path / "copy" / "net.py").is_file()
    assert new_model([str(tmp_path / "x"), "--from", "tagspase"]) == 2
    assert "--from: no model tagspase; did you mean tagspace?" in capsys.readouterr().err
    (own / "net.py").write_text("class Net: pass\nraise ValueError('broken')", encoding="utf-8")
    with pytest.raises(ValueError, match="broken"):
        new_model([str(tmp_path / "x"), "--from", str(own)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "own"]


def _own_model(folder, lines, blocks=""):
    """A copy of tagspace without data, with these lines in place of those of its data."""
    shutil.copytree(ROOT / "models" / "tagspace", folder, ignore=lambda *_: ["data"])
    config = folder / "config.yaml"
    kept = [
        line
        for line in config.read_text(encoding="utf-8").splitlines()
        if "_data_dir:" not in line and "model_save_path:" not in line
    ]
    place = kept.index("runner:") + 1
    kept[place:place] = [f"  {line}" for line in lines]
    config.write_text("\n".join(kept) + f"\n{blocks}", encoding="utf-8")
    return folder


def _write(*files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"sports\t{file.as_posix()}\n", encoding="utf-8")


def _copied(tmp_path, own):
    """The resolved runner of a copy that lies deeper than its source; where each text came from."""
    folder = tmp_path / "deep" / "copy"
    assert new_model([str(folder), "--from", str(own)]) == 0
    config, _ = load_config(folder / "config.yaml", [])
    below = (path for path in folder.rglob("*") if path.is_file() and path.suffix == ".tsv")
    texts = {path: path.read_text(encoding="utf-8").strip() for path in below}
    return config.runner, {path: Path(text.partition("\t")[2]) for path, text in texts.items()}


def test_data_of_one_name_in_the_model_folder_keep_their_places_and_lines(tmp_path):
    own = tmp_path / "own"
    lines = [
        "train_data_dir: 'tr/data.tsv'  # mine",
        "valid_data_dir: va/data",
        "test_data_dir: te/data",
    ]
    _own_model(own, lines)
    _write(own / "tr/data.tsv", own / "va/data/x.tsv", own / "te/data/deep/y.tsv")
    _, texts = _copied(tmp_path, own)
    copy = tmp_path / "deep" / "copy"
    assert texts == {
        copy / name: own / name for name in ("tr/data.tsv", "va/data/x.tsv", "te/data/deep/y.tsv")
    }
    assert (copy / "config.yaml").read_bytes() == (own / "config.yaml").read_bytes()


def test_data_from_elsewhere_never_share_a_place(tmp_path):
    one, two = tmp_path / "one" / "data it's.tsv", tmp_path / "two" / "data it's.tsv"
    lines = [
        f'train_data_dir: &same "../one/{one.name}"  # mine',
        "valid_data_dir: *same",
        f"test_data_dir: >-\n    {two}",
        "corpus_file: data/data it's.tsv",
    ]
    own = _own_model(tmp_path / "own", lines)
    _write(one, two, own / "data" / one.name)
    runner, texts = _copied(tmp_path, own)
    assert runner.valid_data_dir == runner.train_data_dir
    assert len(texts) == 3 and all(tmp_path / "deep" in path.parents for path in texts)
    assert texts[runner.train_data_dir] == one
    assert texts[runner.test_data_dir] == two
    assert texts[runner.corpus_file] == own / "data" / one.name
    text = (tmp_path / "deep/copy/config.yaml").read_text(encoding="utf-8")
    assert f'train_data_dir: &same "data-2/{one.name}"  # mine' in text


def test_variables_lead_to_what_is_copied_and_a_dollar_stays_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    lines = ["train_data_dir: ${DATA}/a.tsv", "test_data_dir: ../x$${DATA}.tsv"]
    own = _own_model(tmp_path / "own", lines)
    _write(tmp_path / "data" / "a.tsv", tmp_path / "x${DATA}.tsv")
    runner, texts = _copied(tmp_path, own)
    assert texts[runner.train_data_dir] == tmp_path / "data" / "a.tsv"
    assert texts[runner.test_data_dir] == tmp_path / "x${DATA}.tsv"


def test_a_file_from_elsewhere_is_not_put_among_the_training_data(tmp_path):
    lines = ["train_data_dir: data", "test_data_dir: ../test.tsv"]
    own = _own_model(tmp_path / "own", lines)
    _write(own / "data/train.tsv", tmp_path / "test.tsv")
    runner, texts = _copied(tmp_path, own)
    assert [texts[path] for path in runner.train_data_dir.iterdir()] == [own / "data/train.tsv"]
    assert texts[runner.test_data_dir] == tmp_path / "test.tsv"


def test_a_place_by_way_of_the_source_leads_into_the_copy(tmp_path):
    own = tmp_path / "own"
    _own_model(own, [f"train_data_dir: {own}/tr.tsv", "test_data_dir: ../own/te.tsv"])
    _write(own / "tr.tsv", own / "te.tsv")
    runner, texts = _copied(tmp_path, own)
    assert texts[runner.train_data_dir] == own / "tr.tsv"
    assert texts[runner.test_data_dir] == own / "te.tsv"
    assert {os.path.dirname(path) for path in texts} == {str(tmp_path / "deep" / "copy")}


def test_what_a_run_of_the_source_wrote_stays_there(tmp_path):
    lines = [
        "train_data_dir: data",
        "model_save_path: output_model",
        "cache_dir: cache",
        "infer_load_path: output_model",
        "infer_checkpoint: output_model/best",
        "infer_output_dir: found",
    ]
    own = _own_model(tmp_path / "own", lines, "index: {path: found}\n")
    _write(own / "data/x.tsv", own / "output_model/best/x.tsv", own / "found/x.tsv")
    _write(own / "cache/x.tsv")
    _, texts = _copied(tmp_path, own)
    assert [*texts.values()] == [own / "data/x.tsv"]


def test_files_of_the_reader_come_along(tmp_path):
    own = shutil.copytree(ROOT / "models" / "xmlcnn", tmp_path / "own")
    config = own / "config.yaml"
    with config.open("a", encoding="utf-8") as file:
        file.write("\nreader: {stop_words: ../words.txt}\n")
    (tmp_path / "words.txt").write_text("the\n", encoding="utf-8")
    assert new_model([str(tmp_path / "deep/copy"), "--from", str(own)]) == 0
    copied, _ = load_config(tmp_path / "deep/copy/config.yaml", [])
    assert copied.reader["stop_words"] == tmp_path / "deep/copy/data/words.txt"


def test_a_config_that_inherits_is_refused(tmp_path, capsys):
    own = shutil.copytree(ROOT / "models" / "tagspace", tmp_path / "own")
    (own / "config.yaml").rename(own / "first.yaml")
    (own / "config.yaml").write_text("base: first.yaml\n", encoding="utf-8")
    assert new_model([str(tmp_path / "copy"), "--from", str(own)]) == 2
    assert "config.yaml inherits from first.yaml" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


def _data(tmp_path, name):
    """A file of 150 rows of a model's sample, the same rows as test data, and the options."""
    own = name if name != "hardestneg" else "batchneg"
    [sample] = (ROOT / "models" / own / "data" / "train").glob("*.tsv")
    lines = sample.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "my data").mkdir()
    for part in ("train", "test"):
        (tmp_path / "my data" / f"{part}.tsv").write_text("".join(lines[:150]), encoding="utf-8")
    return ["--from", name, "--data", "my data/train.tsv", "--test", "my data/test.tsv"]


@pytest.mark.parametrize("name", model_folders())
def test_the_commands_that_are_printed_lead_from_a_file_to_an_export(
    tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    assert new_model(["to/mine", *_data(tmp_path, name)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"to/mine: {name} for my data/train.tsv"
    assert "  150 rows" in out
    commands = [line.strip() for line in out[out.index("next:") + 1 :]]
    assert [line.split()[1] for line in commands] == ["train", "infer", "export", "serve"]
    text = (tmp_path / "to" / "mine" / "config.yaml").read_text(encoding="utf-8")
    assert all(f"#   {line}" in text for line in commands)
    assert not (tmp_path / "to" / "mine" / "data").exists()
    for line in commands[:3]:
        assert entry(shlex.split(line)[1:]) == 0
    assert '"rows": 150' in capsys.readouterr().out
    assert (tmp_path / "to" / "mine" / "exported" / "manifest.json").is_file()


@pytest.mark.skipif(os.name == "nt", reason="no such names")
@pytest.mark.parametrize("name", ["a b", "$HOME", "it's", 'the "one"', "x;y", "a#b", "`c`", "d\\e"])
def test_whatever_the_folder_is_called_the_commands_can_be_typed(
    tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    assert new_model([name, *_data(tmp_path, "tagspace")]) == 0
    train, *_ = (line for line in capsys.readouterr().out.splitlines() if " train " in line)
    typed = subprocess.run(["sh", "-c", f'set -- {train}; printf %s "$4"'], capture_output=True)
    assert typed.stdout.decode() == f"{name}/config.yaml"


def test_without_test_pairs_the_search_that_is_printed_answers_what_is_typed(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    _data(tmp_path, "batchneg")
    texts = dict.fromkeys(row[1] for row in lines_of(tmp_path / "my data" / "train.tsv"))
    (tmp_path / "corpus.txt").write_text("\n".join(texts), encoding="utf-8")
    own = ["--data", "my data/train.tsv", "--corpus", "corpus.txt"]
    assert new_model(["mine", "--from", "batchneg", *own]) == 0
    out = capsys.readouterr().out.splitlines()
    train_line, recall_line, *_ = [line.strip() for line in out[out.index("next:") + 1 :]]
    small = ["-o", "reader.ngram_buckets=512", "hyper_parameters.encoder.hidden_size=16"]
    assert entry([*shlex.split(train_line)[1:], *small]) == 0
    query = next(iter(texts))
    typed = io.TextIOWrapper(io.BytesIO(f"{query}\n".encode()), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", typed)
    capsys.readouterr()
    assert entry([*shlex.split(recall_line)[1:], *small]) == 0
    assert f"{query}\t{query}\t" in capsys.readouterr().out


def test_a_copy_of_compressed_data_made_for_the_look_is_used_in_training(tmp_path, capsys):
    _data(tmp_path, "tagspace")
    file = tmp_path / "train.tsv.gz"
    file.write_bytes(gzip.compress((tmp_path / "my data" / "train.tsv").read_bytes()))
    assert new_model([str(tmp_path / "mine"), "--from", "tagspace", "--data", str(file)]) == 0
    [copy] = (tmp_path / "mine" / ".textzoo_cache").glob("plain-*")
    before = copy.stat().st_mtime_ns
    train(tmp_path / "mine" / "config.yaml", [], "dygraph")
    assert [*(tmp_path / "mine" / ".textzoo_cache").glob("plain-*")] == [copy]
    assert copy.stat().st_mtime_ns == before


def test_data_that_do_not_suit_leave_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.tsv").write_text("spam\ta\nspam\tb\n", encoding="utf-8")
    assert new_model(["mine", "--from", "tagspace", "--data", "x.tsv"]) == 2
    assert "2 rows have one label, 'spam'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]
    own = shutil.copytree(ROOT / "models" / "tagspace", tmp_path / "own")
    assert new_model(["mine", "--from", str(own), "--data", "x.tsv"]) == 2
    assert "expected with --data a model whose settings are known" in capsys.readouterr().err
    for option in (["--test", "x.tsv"], ["-o", "reader.max_len=9"]):
        with pytest.raises(SystemExit):
            new_model(["mine", "--from", "tagspace", *option])
        assert f"{option[0]}: needs --data" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["NAME", "--data"])
def test_a_name_that_cannot_stand_in_a_config_is_refused(tmp_path, capfd, named):
    odd = f"{tmp_path}/a\udcff"
    folder, data = (odd, []) if named == "NAME" else (f"{tmp_path}/b", ["--data", odd])
    assert new_model([folder, "--from", "tagspace", *data]) == 2
    assert f"{named}: received " in (message := capfd.readouterr().err)
    assert message.endswith("expected UTF-8 without NUL\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="no such names")
def test_a_working_directory_that_cannot_stand_in_a_config_is_refused(tmp_path, monkeypatch, capfd):
    here = Path(f"{tmp_path}/a\udcff")
    here.mkdir()
    monkeypatch.chdir(here)
    assert new_model(["mine", "--from", "tagspace"]) == 2
    assert capfd.readouterr().err.endswith("/mine', expected UTF-8 without NUL\n")
    assert not list(here.iterdir())
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "models" / "tagspace", here / "tagspace")
    assert new_model(["mine", "--from", str(here / "tagspace")]) == 2
    assert "the path of the config: received '" in capfd.readouterr().err
    assert not (tmp_path / "mine").exists()
