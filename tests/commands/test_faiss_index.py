"""recall.py, export.py and what is exported with the backend faiss."""

import sys

import numpy as np
import pytest
from harness.recalled import call, lines_of, write_pairs
from harness.served import Client

from textzoo import SemanticIndex
from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.export import main as export
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer
from textzoo.serving.api_schema import Limits
from textzoo.serving.app import create_app

pytest.importorskip("faiss", reason="needs faiss")

WHOLE = ("index.nprobe=4", "index.rescore_multiplier=1000")  # every text is looked at


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a trained model and a corpus of some hundred texts."""
    folder = tmp_path_factory.mktemp("faiss")
    corpus = write_pairs(folder, 200, 40)
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    assert call(trainer, folder) == 0
    return folder


def recalled(place, output, *overrides, options=()):
    settings = (f"runner.infer_output_dir={output}", f"index.path={output}/index", *overrides)
    assert call(recall, place, *options, overrides=settings) == 0
    return lines_of(output / "recall_result.txt")


@pytest.mark.parametrize("form", ["Flat", "IVF4,Flat", "IVF4,PQ8", "auto"])
def test_recall_export_and_server_find_what_exact_search_finds(place, tmp_path, capfd, form):
    expected = recalled(place, tmp_path / "exact", "index.backend=exact")
    settings = ("index.backend=faiss", f"index.faiss={form}", *WHOLE)
    found = recalled(place, tmp_path / "lists", *settings)
    scores = [[float(score) for *_, score in rows] for rows in (found, expected)]
    np.testing.assert_allclose(*scores, atol=2e-6)
    capfd.readouterr()
    assert recalled(place, tmp_path / "lists", *settings) == found
    assert "as it was" in capfd.readouterr().out
    result = f"{tmp_path}/lists/recall_result.txt"
    assert evaluate(("--pairs", f"{place}/test.tsv", "--result", result)) == 0

    folder = tmp_path / "exported"
    options = ("--output", str(folder), "--format", "paddle")
    path = f"index.path={tmp_path}/lists/index"
    assert call(export, place, *options, overrides=(*settings, path)) == 0
    assert (folder / "index/codes.npy").is_file() == form.startswith("IVF")
    index, query = SemanticIndex.load(folder), found[0][0]
    own = [float(score) for asked, _, score in found if asked == query]
    hits = index.search([query], 5)[0]
    assert [hit["score"] for hit in hits] == pytest.approx(own[:5], abs=1e-5)
    client = Client(create_app({"": [folder]}, Limits()), Limits())
    try:
        answer = client.post("/search", texts=[query], k=5)[1]
        assert [hit["text"] for hit in answer["results"][0]] == [hit["text"] for hit in hits]
    finally:
        client.close()


def test_texts_are_added_and_deleted(place, tmp_path):
    (tmp_path / "new.txt").write_text("an entirely new question\n", encoding="utf-8")
    gone = lines_of(place / "corpus.txt")[0][0]
    (tmp_path / "gone.txt").write_text(f"{gone}\n", encoding="utf-8")
    (tmp_path / "queries.txt").write_text(f"an entirely new question\n{gone}\n", encoding="utf-8")
    changes = ("--add", f"{tmp_path}/new.txt", "--delete", f"{tmp_path}/gone.txt")
    settings = ("index.backend=faiss", "index.faiss=IVF4,PQ8", *WHOLE)
    settings += (f"runner.infer_output_dir={tmp_path}", f"index.path={tmp_path}/index")
    for options in (changes, ()):
        asked = ("--queries", f"{tmp_path}/queries.txt", *options)
        assert call(recall, place, *asked, overrides=settings) == 0
        hits = lines_of(tmp_path / "recall_result_queries.txt")
        assert hits[0][1] == "an entirely new question"
        assert gone not in {text for _, text, _ in hits}


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (("index.faiss=IVF4,PQ5",), "index.faiss: received IVF4,PQ5, expected bytes that divide"),
        (("index.faiss=IVF99999,Flat",), "index.faiss: received IVF99999,Flat with "),
        (("index.faiss=HNSW32",), "index.faiss: received 'HNSW32', expected auto, Flat, or such"),
        (("index.nprobe=0",), "index.nprobe: received 0"),
        (("index.dtype=binary",), "index.dtype: received binary with index.backend=faiss"),
        (("index.filter=year > 1",), "index.filter: the backend faiss keeps no metadata"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(place, tmp_path, capfd, overrides, complaint):
    path = f"index.path={tmp_path}/index"
    assert call(recall, place, overrides=("index.backend=faiss", path, *overrides)) == 2
    said = capfd.readouterr().err
    assert complaint in said and "Traceback" not in said
    assert not (tmp_path / "index").exists()


def test_without_the_package_the_way_to_it_is_told(place, tmp_path, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    path = f"index.path={tmp_path}/index"
    assert call(recall, place, overrides=("index.backend=faiss", path)) == 2
    said = capfd.readouterr().err
    assert "pip install 'textzoo[faiss]'" in said and "Traceback" not in said
