"""What BERTopic, KeyBERT and the like call, as sentence-transformers documents it."""

import sys
from types import ModuleType

import numpy as np
import pytest

from textzoo.serving.sentence_encoder import SentenceEncoder


class Encoder:
    """A text's embedding is its length and its side."""

    def encode(self, texts, side="query"):
        rows = [[len(text), side == "title"] for text in texts]
        return np.array(rows, np.float32).reshape(-1, 2)


@pytest.fixture
def encoder():
    return SentenceEncoder(Encoder())


def test_texts_have_rows_and_one_text_has_one(encoder):
    expected = [[1, 1], [3, 1], [2, 1]]
    for settings in ({}, {"batch_size": 2, "show_progress_bar": True}, {"device": "cpu"}):
        found = encoder.encode(["a", "abc", "ab"], **settings)
        assert found.tolist() == expected and found.dtype == np.float32
    assert encoder.encode(np.array(["a", "abc", "ab"], object)).tolist() == expected
    assert encoder.encode("ab").tolist() == [2, 1]
    assert encoder.encode([], show_progress_bar=True).shape == (0, 2)
    assert SentenceEncoder(Encoder(), "query").encode("ab").tolist() == [2, 0]
    assert encoder.get_sentence_embedding_dimension() == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"convert_to_tensor": True},
        {"convert_to_numpy": False},
        {"precision": "int8"},
        {"batch_size": 0},
    ],
)
def test_what_it_cannot_give_is_refused(encoder, settings):
    with pytest.raises(ValueError, match="expected"):
        encoder.encode(["a"], **settings)


@pytest.mark.parametrize("library", ["bertopic", "keybert"])
def test_a_backend_is_one_of_the_library_s_own(encoder, monkeypatch, library):
    class BaseEmbedder:
        def embed_words(self, words, verbose=False):  # as both have it
            return self.embed(words, verbose)

    module = ModuleType(f"{library}.backend")
    module.BaseEmbedder = BaseEmbedder
    monkeypatch.setitem(sys.modules, library, ModuleType(library))
    monkeypatch.setitem(sys.modules, f"{library}.backend", module)
    backend = encoder.backend(library)
    assert isinstance(backend, BaseEmbedder)
    assert backend.embed_words(["a", "ab"]).tolist() == [[1, 1], [2, 1]]


def test_a_library_that_is_missing_is_named(encoder):
    with pytest.raises(ModuleNotFoundError, match="bertopic"):
        encoder.backend("bertopic")
