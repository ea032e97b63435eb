"""What commands replace: nothing but their own earlier outputs. Shown with a model of pairs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness.indexed import embeddings_of, texts_of
from harness.permissions import open_folder, said_to_ordinary_user
from harness.recalled import CONFIG, call, write_pairs

from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.mine_negatives import main as mine_negatives
from textzoo.commands.predict import main as predict
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer
from textzoo.config.schema import IndexSettings
from textzoo.index.folder_index import FolderIndex
from textzoo.index.opening import check_place, load_index
from textzoo.inference.embedder import Embedder
from textzoo.serving.in_process import SemanticIndex

needs_posix = pytest.mark.skipif(os.name != "posix", reason="forks, pipes, its messages")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a trained model, a corpus and an index of 60 texts, and an export."""
    folder = tmp_path_factory.mktemp("outputs")
    corpus = write_pairs(folder, 40, 10)[:60]
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    assert call(trainer, folder) == 0
    assert call(recall, folder) == 0
    assert call(export, folder, "--output", f"{folder}/exported", "--format", "paddle") == 0
    return folder


@pytest.fixture
def no_work(monkeypatch):
    """Fails if a text is embedded."""

    def fail(*arguments):
        raise AssertionError("texts were embedded before the mistake was named")

    monkeypatch.setattr(Embedder, "chunks", fail)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ------------------------------------------------------------------ folders


@pytest.mark.parametrize("path", ["docs", ".", "model_save_path", "exported"])
@pytest.mark.parametrize("command", [recall, mine_negatives])
def test_an_index_replaces_no_other_folder(
    trained, tmp_path, monkeypatch, no_work, capfd, path, command
):
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "thesis.txt").write_text("mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    place = {"model_save_path": trained / "output", "exported": trained / "exported"}.get(path)
    before = contents(trained), contents(tmp_path)
    overrides = (f"index.path={place or tmp_path / path}",)
    assert call(command, trained, overrides=overrides) == 2
    said = capfd.readouterr().err
    assert "index.path: " in said
    assert "holds something other than an index: " in said
    assert "choose a folder that is new or empty, or move these files elsewhere" in said
    assert (contents(trained), contents(tmp_path)) == before


def test_an_export_replaces_no_other_folder_nor_what_was_put_into_one(trained, tmp_path, capfd):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "thesis.txt").write_text("mine", encoding="utf-8")
    before = contents(trained)
    for place in (tmp_path / "docs", trained / "output", trained / "output" / "index"):
        assert call(export, trained, "--output", f"{place}") == 2
        assert "something other than an exported model: " in capfd.readouterr().err
    assert contents(trained) == before
    mine = trained / "exported" / "vocabulary" / "mine" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    try:
        assert call(export, trained, "--output", f"{trained}/exported") == 2
        said = capfd.readouterr().err
        assert "an exported model: vocabulary/mine/thesis.txt; choose a folder" in said
        assert mine.read_text(encoding="utf-8") == "mine"
    finally:
        mine.unlink()
        mine.parent.rmdir()


def test_every_command_finds_what_a_kill_left_aside_and_the_next_one_finishes_it(
    trained, tmp_path, capfd
):
    index, exported = tmp_path / "index", tmp_path / "exported"
    here = (f"index.path={index}",)
    (tmp_path / "new.txt").write_text("a text that nobody wrote\n", encoding="utf-8")
    assert call(recall, trained, "--add", f"{tmp_path}/new.txt", overrides=here) == 0
    aside = index.rename(tmp_path / ".replaced-index")
    assert call(recall, trained, overrides=here) == 0
    assert "as it was, 61 texts" in capfd.readouterr().out
    options = ("--output", f"{exported}", "--format", "paddle")
    assert call(export, trained, *options, overrides=here) == 0
    assert "index: 61 texts" in capfd.readouterr().out
    assert call(recall, trained, "--delete", f"{tmp_path}/new.txt", overrides=here) == 0
    assert index.is_dir() and not aside.exists()

    exported_aside = exported.rename(tmp_path / ".replaced-exported")
    assert export(["--verify", f"{exported}"]) == 0
    assert len(SemanticIndex.load(exported)) == 61
    assert call(export, trained, *options, overrides=here) == 0
    assert exported.is_dir() and not exported_aside.exists()
    assert len(SemanticIndex.load(exported)) == 60


def test_an_index_with_other_files_in_it_can_be_searched_but_not_changed(trained, tmp_path, capfd):
    here = (f"index.path={tmp_path}/index",)
    assert call(recall, trained, overrides=here) == 0
    (tmp_path / "index" / "notes.txt").write_text("mine", encoding="utf-8")
    before = contents(tmp_path)
    assert call(recall, trained, overrides=here) == 0
    for option in ("--add", "--delete"):
        assert call(recall, trained, option, f"{trained}/corpus.txt", overrides=here) == 2
        assert "something other than an index: notes.txt; choose" in capfd.readouterr().err
    assert contents(tmp_path) == before


def test_a_corpus_that_changes_while_it_is_read_is_named(trained, monkeypatch, capfd, tmp_path):
    from textzoo.inference import corpus_index

    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes((trained / "corpus.txt").read_bytes())
    read_entries = corpus_index.read_entries

    def growing(path, *arguments):
        found = read_entries(path, *arguments)
        with corpus.open("a", encoding="utf-8") as file:
            file.write("more\n")
        return found

    monkeypatch.setattr(corpus_index, "read_entries", growing)
    overrides = (f"runner.corpus_file={corpus}", f"index.path={tmp_path}/index")
    assert call(recall, trained, overrides=overrides) == 2
    assert "corpus.txt: was changed while it was read" in capfd.readouterr().err
    assert not (tmp_path / "index").exists()


@needs_posix
def test_a_shared_index_that_may_not_be_written_can_be_searched_but_not_changed():
    settings = IndexSettings(backend="exact")
    with open_folder() as folder:
        index = FolderIndex(settings, 16, {"checkpoint": {}})
        index.add(texts_of(3), embeddings_of(3))
        index.save(folder / "shared" / "index")
        place = settings.model_copy(update={"path": folder / "shared" / "index"})
        for mode, loads in (
            (0o555, "Index object"),
            (0o000, "shared/index cannot be read: Perm"),
        ):
            (folder / "shared").chmod(mode)
            assert loads in said_to_ordinary_user(lambda: load_index(place))
            refused = (
                r"UserError: index\.path: cannot write .*index: Permission denied; choose another"
            )
            assert re.match(refused, said_to_ordinary_user(lambda: check_place(place)))
        (folder / "shared").chmod(0o777)
        (folder / "shared" / "index").chmod(0o000)
        refused = r"UserError: index\.path: cannot read .*manifest\.json: Permission denied; choose"
        assert re.match(refused, said_to_ordinary_user(lambda: check_place(place)))


# ------------------------------------------------------------------ files


def outputs(trained):
    """Places that no output may have, and words of what is said."""
    given = trained / "texts.txt"
    given.write_text("one text\n", encoding="utf-8")
    reads, no_file = "which this run reads; choose another place", "is a folder; expected a file"
    return {
        "its input": (given, reads),
        "test data": (trained / "test.tsv", reads),
        "training data": (trained / "train.tsv", reads),
        "corpus": (trained / "corpus.txt", reads),
        "config": (CONFIG, reads),
        "code": (CONFIG.parent / "net.py", reads),
        "weights": (trained / "output" / "best" / "rec.pdparams", reads),
        "folder": (trained, no_file),
        "long name": (trained / ("x" * 256), "File name too long; choose another place"),
        "below a file": (
            trained / "exported" / "manifest.json" / "x",
            "Not a directory; choose another place",
        ),
    }


@needs_posix
@pytest.mark.parametrize("option", ["--texts", "--pairs"])
def test_predict_does_not_write_to_what_it_reads(trained, capfd, no_work, option):
    (trained / "pairs.tsv").write_text("one\ttwo\n", encoding="utf-8")
    places = outputs(trained)
    given = trained / "texts.txt"
    if option == "--pairs":
        given = trained / "pairs.tsv"
        places["its input"] = (given, places["its input"][1])
    before = contents(trained)
    for name, (place, says) in places.items():
        assert call(predict, trained, option, f"{given}", "--output", f"{place}") == 2, name
        said = capfd.readouterr().err
        assert said.startswith("textzoo predict: --output: "), name
        assert says in said, name
    assert contents(trained) == before


def test_results_are_not_written_over_what_they_are_made_of(trained, capfd, tmp_path):
    here = (f"runner.infer_output_dir={tmp_path}",)
    names = {
        "mined_train.tsv": (mine_negatives, "train.tsv", "runner.train_data_dir"),
        "recall_result.txt": (recall, "corpus.txt", "runner.corpus_file"),
        "predictions.jsonl": (infer, "test.tsv", "runner.test_data_dir"),
        "similarities.tsv": (predict, "test.tsv", "runner.test_data_dir"),
    }
    for name, (command, source, key) in names.items():
        (tmp_path / name).write_bytes((trained / source).read_bytes())
        assert call(command, trained, overrides=(*here, f"{key}={tmp_path}/{name}")) == 2
        said = capfd.readouterr().err
        assert f"runner.infer_output_dir: {tmp_path}/{name} would be written to" in said
        assert (tmp_path / name).read_bytes() == (trained / source).read_bytes()


@needs_posix
def test_embeddings_and_similarities_may_go_to_a_pipe(trained, tmp_path):
    (trained / "texts.txt").write_text("one text\nanother\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", f"{tmp_path}/pipe"], stdout=subprocess.PIPE) as reader:
        options = ("--texts", f"{trained}/texts.txt", "--output", f"{tmp_path}/pipe")
        assert call(predict, trained, *options) == 0
        (tmp_path / "received.npy").write_bytes(reader.stdout.read())
    assert np.load(tmp_path / "received.npy").shape == (2, 16)
    assert (tmp_path / "pipe").is_fifo()


@needs_posix
def test_write_trec_leaves_its_inputs_and_names_a_full_disk(trained, tmp_path, capfd):
    (tmp_path / "qrels.txt").write_text("q0 0 d0 1\n", encoding="utf-8")
    (tmp_path / "run.txt").write_text("q0 Q0 d0 1 0.5 x\n", encoding="utf-8")
    before = contents(tmp_path)
    given = ["--qrels", f"{tmp_path}/qrels.txt", "--run", f"{tmp_path}/run.txt"]
    assert evaluate([*given, "--write-trec", f"{tmp_path}"]) == 2
    assert "--write-trec: " in (said := capfd.readouterr().err)
    assert "qrels.txt, which this run reads" in said
    assert contents(tmp_path) == before
    assert evaluate([*given, "--write-trec", f"{tmp_path}/trec"]) == 0
    assert sorted(path.name for path in (tmp_path / "trec").iterdir()) == ["qrels.txt", "run.txt"]
    full = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5)); "
    code = "from textzoo.commands.evaluate import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", full + code, *given, "--write-trec", f"{tmp_path}/full"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "tools")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"textzoo evaluate: --write-trec: cannot write {tmp_path}/full/qrels"
    )
    assert list((tmp_path / "full").iterdir()) == []
