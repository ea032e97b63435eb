"""The index of a corpus: made once, and anew when what it was made from has changed."""

import logging
import tracemalloc
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from harness.indexed import needs_hnswlib

from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.inference.corpus_index import corpus_entries, prepared_index
from textzoo.readers.pairs import Reader


class Embedder:
    """Embeds a number by its angle in degrees, two texts at a time."""

    def __init__(
        self, folder, corpus="0\n30\n90\n", weights="a digest", truncate_dim=None, **runner
    ):
        path = folder / "corpus.txt"
        if corpus is not None:
            path.write_text(corpus, encoding="utf-8")
        runner = Runner(corpus_file=path if corpus is not None else None, **runner)
        self.config = SimpleNamespace(runner=runner, path=folder / "config.yaml")
        self.index_settings = IndexSettings(backend="exact", path=folder / "index")
        self.model, self.made_from = "batchneg", {"rec.pdparams": weights}
        self.truncate_dim = truncate_dim
        self.reader = SimpleNamespace(fields=())
        self.embedded, self.sides = [], Counter()

    def __call__(self, texts):
        return np.concatenate(list(self.chunks(texts)))

    def chunks(self, texts, side="query", source=None):
        self.sides[side] += len(texts)
        for first in range(0, len(texts), 2):
            chunk = texts[first : first + 2]
            self.embedded += chunk
            radians = np.radians(list(map(float, chunk)))
            yield np.stack([np.cos(radians), np.sin(radians)], axis=1).astype("float32")


def test_every_text_of_the_corpus_is_found_at_its_cosine(tmp_path):
    embed = Embedder(tmp_path)
    index = prepared_index(embed)
    assert embed.sides == {"title": 3}
    ((nearest, second, last),) = index.nearest(embed(["10"]), 5)
    assert [hit.text for hit in (nearest, second, last)] == ["0", "30", "90"]
    assert second.score == pytest.approx(np.cos(np.radians(20)), abs=1e-6)


def test_an_index_is_made_once(tmp_path, caplog):
    prepared_index(Embedder(tmp_path))
    again = Embedder(tmp_path)
    with caplog.at_level(logging.INFO, logger="textzoo"):
        assert len(prepared_index(again)) == 3
    assert again.embedded == []
    assert "as it was, 3 texts" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"corpus": "0\n30\n60\n"},
        {"weights": "another digest"},
        {"infer_precision": "int8"},
        {"truncate_dim": 2},
    ],
    ids=["corpus", "checkpoint", "precision", "truncate_dim"],
)
def test_an_index_of_something_else_is_made_anew(tmp_path, caplog, request, changed):
    prepared_index(Embedder(tmp_path))
    embed = Embedder(tmp_path, **changed)
    with caplog.at_level(logging.INFO, logger="textzoo"):
        index = prepared_index(embed)
    assert f"built anew, since it is of another {request.node.callspec.id}\n" in caplog.text
    assert len(embed.embedded) == len(index) == 3
    assert prepared_index(Embedder(tmp_path, **changed)).made_from == index.made_from


def test_an_index_of_the_same_file_read_in_another_way_is_made_anew(tmp_path, caplog):
    embed = Embedder(tmp_path, corpus='{"text": "0", "other": "30"}\n')
    embed.chunks = lambda texts, *_: iter([np.eye(2, dtype="float32")[: len(texts)]])
    index = prepared_index(embed)
    assert index.nearest(np.eye(2), 1)[0][0].text == '{"text": "0", "other": "30"}'
    embed.config.runner.corpus_file = (tmp_path / "corpus.txt").rename(tmp_path / "corpus.jsonl")
    with caplog.at_level(logging.INFO, logger="textzoo"):
        found = [prepared_index(embed).nearest(np.eye(2), 1)[0][0].text for _ in range(2)]
        embed.reader = Reader(title_column="other")
        found += [prepared_index(embed).nearest(np.eye(2), 1)[0][0].text for _ in range(2)]
    assert found == ["0", "0", "30", "30"]
    assert caplog.text.count("built anew, since it is of another corpus layout\n") == 2


def test_an_index_of_plain_lines_of_before_layouts_were_kept_is_as_it_was(tmp_path, caplog):
    index = prepared_index(Embedder(tmp_path))
    del index.made_from["corpus layout"]
    index.commit()
    with caplog.at_level(logging.INFO, logger="textzoo"):
        prepared_index(Embedder(tmp_path))
    assert "as it was, 3 texts" in caplog.text


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"weights": "another digest"}, "of another checkpoint"),
        pytest.param({}, "built with other settings", marks=needs_hnswlib),
    ],
)
def test_changes_that_a_new_index_lacks_are_told(tmp_path, caplog, changed, reason):
    index = prepared_index(Embedder(tmp_path))
    index.made_from = {**index.made_from, "added": 2, "deleted": 1}
    index.commit()
    assert len(prepared_index(Embedder(tmp_path))) == 3
    assert not [one for one in caplog.records if one.levelno == logging.WARNING]
    embed = Embedder(tmp_path, **changed)
    if not changed:
        embed.index_settings = embed.index_settings.model_copy(update={"backend": "hnsw"})
    assert prepared_index(embed).made_from.keys() == index.made_from.keys() - {"added", "deleted"}
    (told,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert reason in told and "2 text(s) added and 1 deleted" in told


def test_a_config_without_a_corpus_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.yaml: runner\.corpus_file: missing"):
        prepared_index(Embedder(tmp_path, corpus=None))


def test_ids_and_metadata_that_a_backend_does_not_keep_are_told_of(tmp_path, caplog):
    file = tmp_path / "corpus.jsonl"
    file.write_text('{"text": "30", "id": "x", "year": 1999}\n', encoding="utf-8")
    with caplog.at_level(logging.INFO, logger="textzoo"):
        (entry,) = corpus_entries(file, "runner.corpus_file", Embedder(tmp_path))
    assert (entry.id, entry.text, entry.metadata) == ("x", "30", {"year": 1999})
    assert "kept by index.backend=milvus only" in caplog.text


def test_a_text_under_several_ids_is_embedded_once(tmp_path):
    rows = ('{"text": "30", "id": "x"}', '{"text": "90", "id": "y"}', '{"text": "30", "id": "z"}')
    embed = Embedder(tmp_path)
    embed.config.runner.corpus_file = tmp_path / "corpus.jsonl"
    embed.config.runner.corpus_file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert len(prepared_index(embed)) == 2
    assert embed.embedded == ["30", "90"]


def test_a_centred_index_is_made_once_and_anew_where_it_is_no_longer_to_be(tmp_path, caplog):
    embed = Embedder(tmp_path)
    embed.index_settings = embed.index_settings.model_copy(update={"center": True})
    index = prepared_index(embed)
    # The mean of 0, 30 and 90 degrees.
    mean = np.array([1 + np.sqrt(0.75), 1.5]) / 3
    np.testing.assert_allclose(index.made_from["center"], mean, atol=1e-6)
    ((hit,),) = index.nearest(embed(["10"]), 1)
    moved = [np.array([np.cos(a), np.sin(a)]) - mean for a in np.radians([10, 0])]
    assert hit.text == "0"
    assert hit.score == pytest.approx(
        moved[0] @ moved[1] / np.prod(np.linalg.norm(moved, axis=1)), abs=1e-5
    )
    embed.embedded.clear()
    assert prepared_index(embed).made_from == index.made_from
    assert embed.embedded == []
    with caplog.at_level(logging.INFO, logger="textzoo"):
        assert "center" not in prepared_index(Embedder(tmp_path)).made_from
    assert "built anew, since it is of another setting of index.center\n" in caplog.text


def test_n_grams_are_counted_without_embedding_the_corpus_again(tmp_path, caplog):
    prepared_index(Embedder(tmp_path))
    embed = Embedder(tmp_path)
    embed.index_settings = embed.index_settings.model_copy(update={"lexical_weight": 0.9})
    with caplog.at_level(logging.INFO, logger="textzoo"):
        index = prepared_index(embed)
    assert embed.embedded == [] and "n-grams are counted" in caplog.text
    assert (tmp_path / "index" / "lexical" / "lexical.json").is_file()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="textzoo"):
        again = prepared_index(embed)
    assert "n-grams" not in caplog.text
    found = [one.nearest(embed(["31"]), 2, ["90"]) for one in (index, again)]
    assert found[0] == found[1]
    assert [hit.text for hit in found[0][0]] == ["90", "30"]


class Wide(Embedder):
    """Embeds numbers by chance, 500 at a time, of which the last ones have the largest numbers."""

    def __init__(self, folder, **index):
        super().__init__(folder, "".join(f"{number}\n" for number in range(8000)))
        self.index_settings = self.index_settings.model_copy(update=index)

    def chunks(self, texts, side="query", source=None):
        for first in range(0, len(texts), 500):
            numbers = np.random.default_rng(first).standard_normal((500, 256), "float32")
            numbers[:, 0] = first / 100
            yield numbers / np.linalg.norm(numbers, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("index", "most"),
    [
        ({"center": True}, 3),
        ({"dtype": "int8"}, 1.9),
        ({"dtype": "binary", "rescore_multiplier": 8000}, 1.9),
        ({"dtype": "int8", "center": True}, 1.9),
    ],
)
def test_what_is_of_all_embeddings_keeps_them_once(tmp_path, index, most):
    embed = Wide(tmp_path, **index)
    tracemalloc.start()
    built = prepared_index(embed)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    embeddings = embed([str(number) for number in range(8000)])
    whole = embeddings - embeddings.mean(axis=0) * index.get("center", False)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    (hits,) = built.nearest(embeddings[7999:], 5)
    expected = whole @ whole[7999]
    assert hits[0].text == "7999"
    assert [hit.score for hit in hits] == pytest.approx(np.sort(expected)[:-6:-1], abs=0.01)
    assert memory < most * embeddings.nbytes


def test_a_width_that_does_not_fit_is_told_before_other_texts_are_embedded(tmp_path):
    pytest.importorskip("faiss")
    embed = Embedder(tmp_path, corpus="".join(f"{i}\n" for i in range(300)))
    settings = {
        "backend": "faiss",
        "faiss": "IVF1,PQ3",
        "dtype": "int8",
        "path": tmp_path / "index",
    }
    embed.index_settings = IndexSettings.model_validate(settings)
    with pytest.raises(UserError, match="expected bytes that divide the embeddings' width 2"):
        prepared_index(embed)
    assert len(embed.embedded) == 2
