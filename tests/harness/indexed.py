"""Texts with embeddings whose neighbours are known."""

import numpy as np
import pytest

from textzoo.data.corpus import Entry
from textzoo.index.folder_index import hnswlib

needs_hnswlib = pytest.mark.skipif(hnswlib is None, reason="needs hnswlib")


def embeddings_of(n, seed=0, width=16):
    vectors = np.random.default_rng(seed).normal(size=(n, width)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def entries_of(*texts):
    return [Entry(text, text) for text in texts]


def texts_of(n):
    return entries_of(*(f"text {i}" for i in range(n)))
