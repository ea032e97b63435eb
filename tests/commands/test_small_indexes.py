"""Embeddings in fewer bits and fewer numbers, from training to an export."""

import json

import numpy as np
import pytest
from harness.recalled import CONFIG, call, lines_of, write_pairs

from textzoo import Encoder, SemanticIndex
from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.export import main as export
from textzoo.commands.infer import main as infer
from textzoo.commands.predict import main as predict
from textzoo.commands.recall import main as recall
from textzoo.commands.train import main as trainer

SHORT = "hyper_parameters.truncate_dim=6"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model trained with `matryoshka_dims`."""
    folder = tmp_path_factory.mktemp("small")
    corpus = write_pairs(folder, 200, 40)
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    assert call(trainer, folder, overrides=("hyper_parameters.matryoshka_dims=[16, 6]",)) == 0
    return folder


def embedded(place, output, *overrides):
    """The embeddings of the corpus by predict.py, whole ones unless overrides say otherwise."""
    corpus = f"{place}/corpus.txt"
    options = ("--texts", corpus, "--side", "title", "--output", str(output))
    assert call(predict, place, *options, overrides=overrides) == 0
    return np.load(output)


def cut(rows, width):
    return rows[:, :width] / np.linalg.norm(rows[:, :width], axis=1, keepdims=True)


def recalled(place, output, *overrides, options=()):
    settings = (f"runner.infer_output_dir={output}", *overrides)
    if not any(one.startswith("index.path") for one in overrides):
        settings = (f"index.path={output}/index", *settings)
    assert call(recall, place, *options, overrides=settings) == 0
    found = {}
    for query, text, score in lines_of(output / "recall_result.txt"):
        found.setdefault(query, []).append((text, float(score)))
    return found


def assert_same(found, expected, atol):
    """Compare rankings by their scores, which decide among texts that score nearly alike."""
    assert found.keys() == expected.keys()
    for query, hits in found.items():
        scores = [[score for _, score in row] for row in (hits, expected[query])]
        np.testing.assert_allclose(*scores, atol=atol)


@pytest.mark.parametrize(
    ("backend", "dtype"), [("exact", "int8"), ("hnsw", "int8"), ("exact", "binary")]
)
@pytest.mark.parametrize("more", [(), ("index.center=true", "index.lexical_weight=0.2")])
def test_recall_and_the_export_find_what_whole_embeddings_find(
    place, tmp_path, capfd, backend, dtype, more
):
    whole = recalled(place, tmp_path / "whole", "index.backend=exact", *more)
    settings = (f"index.backend={backend}", f"index.dtype={dtype}", *more)
    settings = (*settings, "index.rescore_multiplier=100")  # of so few numbers signs say little
    found = recalled(place, tmp_path / "small", *settings)
    assert_same(found, whole, 0.15 if more else 0.03)
    found_again = recalled(place, tmp_path / "small", *settings)
    assert "as it was" in capfd.readouterr().out
    assert found_again == found
    pairs = ("--pairs", f"{place}/test.tsv", "--result", f"{tmp_path}/small/recall_result.txt")
    assert evaluate(pairs) == 0
    capfd.readouterr()

    folder = tmp_path / "exported"
    options = ("--output", str(folder), "--format", "paddle")
    path = f"index.path={tmp_path}/small/index"
    assert call(export, place, *options, overrides=(*settings, path)) == 0
    assert (folder / "index/ranges.npy").is_file()
    index, queries = SemanticIndex.load(folder), list(found)[:20]
    for query, hits in zip(queries, index.search(queries, 5)):
        scores = [hit["score"] for hit in hits]
        assert scores == pytest.approx([score for _, score in found[query]], abs=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "binary"])
def test_texts_are_added_to_and_deleted_from_a_small_index(place, tmp_path, dtype):
    (tmp_path / "new.txt").write_text("an entirely new question\n", encoding="utf-8")
    gone = lines_of(place / "corpus.txt")[0][0]
    (tmp_path / "gone.txt").write_text(f"{gone}\n", encoding="utf-8")
    (tmp_path / "queries.txt").write_text(f"an entirely new question\n{gone}\n", encoding="utf-8")
    settings = (
        *("index.backend=exact", f"index.dtype={dtype}", f"index.path={tmp_path}/index"),
        f"runner.infer_output_dir={tmp_path}",
    )
    options = ("--add", f"{tmp_path}/new.txt", "--delete", f"{tmp_path}/gone.txt")
    for change in (options, ()):
        asked = ("--queries", f"{tmp_path}/queries.txt", *change)
        assert call(recall, place, *asked, overrides=settings) == 0
        hits = lines_of(tmp_path / "recall_result_queries.txt")
        assert hits[0][1] == "an entirely new question"
        assert float(hits[0][2]) == pytest.approx(1, abs=0.05)
        assert gone not in {text for _, text, _ in hits}


def test_an_index_of_another_dtype_is_built_anew_and_says_so(place, tmp_path, capfd):
    (tmp_path / "new.txt").write_text("a new text\n", encoding="utf-8")
    path = f"index.path={tmp_path}/index"
    exact = ("index.backend=exact", path)
    recalled(place, tmp_path, *exact, options=("--add", f"{tmp_path}/new.txt"))
    capfd.readouterr()
    recalled(place, tmp_path, *exact, "index.dtype=int8")
    said = capfd.readouterr().out
    assert "was built with other settings; 1 text(s) added" in said
    assert np.load(tmp_path / "index/embeddings.npy").dtype == np.int8


def test_a_truncated_search_is_that_of_truncated_vectors(place, tmp_path):
    vectors = embedded(place, tmp_path / "whole.npy")
    short = embedded(place, tmp_path / "short.npy", SHORT)
    np.testing.assert_allclose(short, cut(vectors, 6), atol=1e-6)
    texts = [text for (text,) in lines_of(place / "corpus.txt")]
    found = recalled(place, tmp_path / "recalled", SHORT, "index.backend=exact")
    rows = {text: cut(vectors, 6)[i] for i, text in enumerate(texts)}
    for query, hits in found.items():
        expected = np.sort(cut(vectors, 6) @ rows[query])[::-1][: len(hits)]
        assert [score for _, score in hits] == pytest.approx(expected.tolist(), abs=1e-5)


def test_infer_and_the_export_cut_off_too(place, tmp_path, capfd):
    path = f"index.path={tmp_path}/index"
    found = recalled(place, tmp_path, SHORT, path, "index.backend=exact")
    assert np.load(tmp_path / "index/embeddings.npy").shape[1] == 6
    overrides = (SHORT, path, "index.backend=exact", f"runner.infer_output_dir={tmp_path}")
    assert call(infer, place, overrides=overrides) == 0
    rows = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows):
        theirs = [score for text, score in found[row["text"]] if text != row["text"]]
        ours = [best["score"] for best in row["top"]][: len(theirs)]
        assert ours == pytest.approx(theirs, abs=1e-4)
    options = ("--output", f"{tmp_path}/exported", "--format", "paddle")
    assert call(export, place, *options, overrides=overrides) == 0
    whole = embedded(place, tmp_path / "whole.npy")
    texts = [text for (text,) in lines_of(place / "corpus.txt")][:30]
    encoder = Encoder.load(tmp_path / "exported")
    np.testing.assert_allclose(encoder.encode(texts, "title"), cut(whole[:30], 6), atol=1e-5)
    hits = SemanticIndex.load(tmp_path / "exported").search(list(found)[:5], 5)
    assert [[hit["score"] for hit in row] for row in hits] == [
        pytest.approx([score for _, score in found[query]], abs=1e-5) for query in list(found)[:5]
    ]
    capfd.readouterr()
    # An index of other numbers is neither used nor exported.
    assert call(export, place, *options, overrides=(*overrides[1:],)) == 0
    assert "is of another truncate_dim" in capfd.readouterr().out
    assert not (tmp_path / "exported/index").exists()
    recalled(place, tmp_path, path, "index.backend=exact")
    assert "is of another truncate_dim" in capfd.readouterr().out


def test_an_ensemble_is_of_members_that_are_cut_off(place, tmp_path):
    one = f"{place}/output/0"
    both = (f"runner.infer_ensemble=[{one}, {one}]", "runner.infer_checkpoint=null", SHORT)
    short = embedded(place, tmp_path / "short.npy", *both)
    alone = embedded(place, tmp_path / "alone.npy", SHORT)
    np.testing.assert_allclose(short, np.concatenate([alone, alone], axis=1) / 2**0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (
            ("index.dtype=binary",),
            "index.dtype: received binary with index.backend=hnsw, expected float32 or int8",
        ),
        (
            ("index.dtype=int8", "index.backend=milvus"),
            "index.dtype: received int8 with index.backend=milvus, expected float32",
        ),
        (("index.dtype=int4",), "index.dtype: received 'int4' (str), expected one of float32"),
        (("index.rescore_multiplier=0",), "index.rescore_multiplier: received 0"),
        (
            ("hyper_parameters.truncate_dim=17",),
            "truncate_dim: received 17, expected at most 16, the width of the embeddings",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(place, capfd, overrides, complaint):
    assert call(recall, place, overrides=overrides) == 2
    said = capfd.readouterr().err
    assert complaint in said and "Traceback" not in said
    assert CONFIG.name in said
