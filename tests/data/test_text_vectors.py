"""Vectors of many texts: each computed once, kept, and found again."""

import numpy as np
import pytest

from textzoo.data import text_vectors as module
from textzoo.data.cache import Cache
from textzoo.data.text_vectors import VECTORS, EmbeddingModel, add_vectors, text_vectors
from textzoo.errors import UserError
from textzoo.text.characters import characters_of
from textzoo.text.reader import CHARACTERS

TEXTS = ["a", "bb", "A", "bb", "ccc", "dddd", "a"]


class Lengths:
    """Embeds a text by its length and first letter; knows what it was asked, and may fail."""

    def __init__(self, fails_at=None):
        self.asked, self._fails_at = [], fails_at

    def __call__(self, texts, side):
        self.asked += texts
        if self._fails_at in texts:
            raise UserError("cannot embed it")
        return np.array([self.of(text) for text in texts], np.float32)

    @staticmethod
    def of(text):
        return [len(text), ord(text[0])]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path, "error")


def model(embed, made_from="it"):
    return EmbeddingModel(embed, made_from, True, {"weights": made_from})


def test_each_text_is_embedded_once_and_has_its_own_vector(cache):
    embed = Lengths()
    found = text_vectors(TEXTS, cache, model(embed), "test")
    assert found.dtype == np.float16
    assert found.tolist() == [Lengths.of(text) for text in TEXTS]
    assert sorted(embed.asked) == sorted(set(TEXTS))


def test_what_is_kept_is_not_computed_again_unless_the_model_is_another(cache):
    text_vectors(TEXTS, cache, model(Lengths()), "test")
    again, other = Lengths(), Lengths()
    text_vectors(TEXTS, cache, model(again), "test")
    text_vectors(TEXTS, cache, model(other, "another"), "test")
    assert not again.asked
    assert sorted(other.asked) == sorted(set(TEXTS))


def test_an_interrupted_run_loses_no_whole_chunk(cache):
    with pytest.raises(UserError, match="cannot embed it"):
        text_vectors(TEXTS, cache, model(Lengths("ccc")), "test")
    embed = Lengths()
    text_vectors(TEXTS, cache, model(embed), "test")
    assert embed.asked == ["A", "ccc", "dddd"]  # behind the chunk of `a` and `bb`


def test_rows_have_a_column_of_the_vectors_of_their_texts(cache, monkeypatch):
    texts = ["Bb", "", "a"]
    columns = {CHARACTERS: characters_of(texts, lower_case=False)}
    add_vectors(columns, cache, model(Lengths()), "test")
    assert columns[VECTORS].chosen(np.array([2, 1, 0])).values.tolist() == [1, 97, 0, 0, 2, 66]
    monkeypatch.setattr(module, "_MOST_ROWS", 2)
    columns.pop(VECTORS)
    add_vectors(columns, cache, model(Lengths()), "test")
    assert VECTORS not in columns


def test_the_files_of_a_model_have_one_digest_in_any_precision():
    first = EmbeddingModel(Lengths(), ["float32"], True, {"a": "1", "b": "2"})
    second = EmbeddingModel(Lengths(), ["bfloat16"], True, {"b": "2", "a": "1"})
    assert first.sha256 == second.sha256
    assert first.digest != second.digest
    assert first.sha256 != first._replace(files={"a": "1"}).sha256
