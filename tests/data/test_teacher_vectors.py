"""The vectors of a teacher as columns of training rows, with a teacher made up for it."""

from zlib import crc32

import numpy as np
import pytest
from sklearn.decomposition import PCA

from textzoo.data import teacher_vectors, text_vectors
from textzoo.data.cache import Cache, encoded_rows
from textzoo.data.teacher_vectors import Turn, teacher_columns
from textzoo.data.text_vectors import EmbeddingModel
from textzoo.readers.pairs import Reader

PAIRS = [(f"query {i}", f"title {i % 7}") for i in range(30)] + [("title 3", "query 5")]


class Asked:
    """Embeds a text at random, by its characters and its side; knows what it was asked."""

    def __init__(self, width=6, sides_alike=True):
        self.width, self.sides_alike = width, sides_alike
        self.texts = []

    def __call__(self, texts, side):
        self.texts += [(side, text) for text in texts]
        return np.array([self.of(text, side) for text in texts])

    def of(self, text, side):
        seed = crc32(f"{'' if self.sides_alike else side}{text}".encode())
        vector = 1 + np.random.default_rng(seed).normal(size=self.width)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def model(self, made_from="it"):
        return EmbeddingModel(self, made_from, self.sides_alike)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    for module in (teacher_vectors, text_vectors):
        monkeypatch.setattr(module, "CHUNK", 10)
    monkeypatch.setattr(teacher_vectors, "_AT_ONCE", 4)


def columns_of(*given, **settings):
    return columns_and_turn(*given, **settings)[0]


def columns_and_turn(place, teacher, width=4, pairs=PAIRS, made_from="it", turn=None, **settings):
    file = place / "pairs.tsv"
    file.write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    reader = Reader(tokenizer="ngram", ngram_buckets=64, ngram_max=1, **settings)
    reader.fit([], {})
    cache = Cache(place / "cache", "error")
    rows = encoded_rows([file], reader, True, str(settings), cache)
    return teacher_columns(rows, reader, cache, teacher.model(made_from), width, turn)


def vectors_of(columns, name):
    lists = columns[name].chosen(np.arange(len(columns[name])))
    return lists.values.reshape(len(lists), -1).astype(float)


def of_length_one(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("sides_alike", [True, False])
@pytest.mark.parametrize("width", [3, 6, 9])
def test_targets_are_the_principal_components_of_the_different_texts(tmp_path, width, sides_alike):
    teacher = Asked(sides_alike=sides_alike)
    columns = columns_of(tmp_path, teacher, width)
    both = [(text, side) for pair in PAIRS for text, side in zip(pair, ("query", "title"))]
    different = {text if sides_alike else (text, side): (text, side) for text, side in both}
    # In float16, as they are kept.
    fitted = np.array([teacher.of(*one) for one in different.values()], np.float16).astype(float)
    components = PCA(min(width, 6)).fit(fitted)
    for number, side in enumerate(("query", "title")):
        given = np.array([teacher.of(pair[number], side) for pair in PAIRS], np.float16)
        expected = of_length_one(components.transform(given.astype(float)))
        found = vectors_of(columns, f"{side}_teacher")
        assert found.shape == (len(PAIRS), width)
        # Axes may point either way: what counts is what is near to what.
        np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=3e-3)


def test_a_text_is_embedded_once_however_often_it_comes(tmp_path):
    teacher = Asked()
    columns_of(tmp_path, teacher)
    texts = [text for _, text in teacher.texts]
    assert sorted(texts) == sorted({text for pair in PAIRS for text in pair})
    apart = Asked(sides_alike=False)
    columns_of(tmp_path, apart, made_from="another")
    assert ("query", "title 3") in apart.texts
    assert ("title", "title 3") in apart.texts
    assert len(apart.texts) == len(set(apart.texts)) == len(texts) + 2


def test_what_is_in_the_cache_is_not_embedded_again(tmp_path):
    first = vectors_of(columns_of(tmp_path, Asked()), "title_teacher")
    again = Asked()
    np.testing.assert_array_equal(first, vectors_of(columns_of(tmp_path, again), "title_teacher"))
    columns_of(tmp_path, again, width=2)  # of another student
    assert not again.texts
    columns_of(tmp_path, again, made_from="it with another prefix")
    assert len(again.texts) == 37
    more = Asked()
    columns_of(tmp_path, more, pairs=[*PAIRS, ("new", "title 1")])
    assert ("query", "new") in more.texts
    assert len(more.texts) == 8  # the last chunk of 10


def test_vectors_that_are_damaged_are_made_anew(tmp_path, caplog):
    expected = vectors_of(columns_of(tmp_path, Asked()), "query_teacher")
    for damaged in (*tmp_path.glob("cache/t*/vectors.npy"), *tmp_path.glob("cache/t*/*.values")):
        damaged.write_bytes(damaged.read_bytes()[:-3])
    again = Asked()
    np.testing.assert_array_equal(
        vectors_of(columns_of(tmp_path, again), "query_teacher"), expected
    )
    assert len(again.texts) == 37
    assert "was damaged, and is made anew" in caplog.text


def test_single_texts_have_one_column_unless_the_sides_differ(tmp_path):
    texts = [(f"text {i}",) for i in range(12)]
    single = columns_of(tmp_path, Asked(), pairs=texts, unlabelled=True)
    assert list(single) == ["query_teacher"]
    apart = columns_of(tmp_path, Asked(sides_alike=False), pairs=texts, unlabelled=True)
    assert list(apart) == ["query_teacher", "title_teacher"]
    seen = columns_of(tmp_path, Asked(), pairs=texts, unlabelled=True, title_prefix="to ")
    assert list(seen) == ["query_teacher", "title_teacher"]  # the student sees two texts


def test_other_texts_are_turned_as_those_that_the_student_began_with(tmp_path):
    (tmp_path / "texts").mkdir()
    _, turn = columns_and_turn(tmp_path / "texts", Asked(), width=3)
    more = [(f"another {i}", f"title {i % 7}") for i in range(40)]
    alone = columns_of(tmp_path, Asked(), 3, more)
    columns, same = columns_and_turn(tmp_path, Asked(), 3, more, turn=turn)
    for before, after in zip(turn, same):
        np.testing.assert_array_equal(after, before)
    found = vectors_of(columns, "title_teacher")
    given = np.array([Asked().of(title, "title") for _, title in more], np.float16)
    expected = of_length_one((given.astype(float) - turn.mean) @ turn.axes)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    # As a run of its own would have it, a text has another vector.
    assert np.mean(np.sum(found * vectors_of(alone, "title_teacher"), axis=1)) < 0.9


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "axes.npy").unlink(),
        lambda folder: (folder / "axes.npy").write_bytes(b"no such array"),
        lambda folder: np.save(folder / "mean.npy", np.zeros(5)),
        lambda folder: np.save(folder / "axes.npy", np.full((6, 4), np.nan)),
        lambda folder: np.save(folder / "mean.npy", np.array([{}]), allow_pickle=True),
    ],
)
def test_a_turn_is_read_as_it_was_written_or_refused(tmp_path, damage):
    _, turn = columns_and_turn(tmp_path, Asked())
    turn.save(tmp_path)
    for before, after in zip(turn, Turn.load(tmp_path)):
        np.testing.assert_array_equal(after, before)
    damage(tmp_path)
    with pytest.raises(ValueError):
        Turn.load(tmp_path)
