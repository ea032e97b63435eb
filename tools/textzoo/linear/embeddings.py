"""The share of an encoder's embeddings in the scores of the linear part."""

from collections.abc import Callable
from pathlib import Path
from typing import Optional

import numpy as np
import pydantic

from textzoo.config.schema import Block, PositiveFloat
from textzoo.data.text_vectors import embedded
from textzoo.linear.matrices import read_array, write_array

Vectors = Callable[[list[str]], np.ndarray]  # texts to `[texts, width]`

EMBEDDING = "<embedding>"  # what stands for it among the n-grams of a text
_FACTS, _MEAN, _BY_LABEL = "embeddings.json", "embeddings_mean.npz", "embeddings_weights.npz"


class _Facts(Block):
    """What a file tells of embeddings."""

    weight: PositiveFloat
    sha256: str


class Embeddings:
    """Scores labels by embeddings: less their mean, of length 1, times a weight.

    Args:
        mean: `[width]` of the training texts.
        weight: of the embeddings beside the n-grams.
        by_label: `[width, labels]` in half precision.
        sha256: of the files of the encoder.

    Attributes:
        mean, weight, by_label, sha256: as given.
        embed: gives the encoder's embeddings; what is to score texts has to be given it.
    """

    def __init__(self, mean: np.ndarray, weight: float, by_label: np.ndarray, sha256: str):
        self.mean, self.weight, self.by_label, self.sha256 = mean, weight, by_label, sha256
        self._by_label = by_label.astype(np.float32)
        self.embed: Optional[Vectors] = None

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """What they add to the score of every label, `[texts, labels]`, see `embedded`."""
        return self.rows(vectors) @ self._by_label

    def rows(self, vectors: np.ndarray) -> np.ndarray:
        """The features of texts that these are the embeddings of, `[texts, width]`."""
        return self.weight * centred(vectors, self.mean)

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Their embeddings, see `embedded`."""
        if self.embed is None:
            raise ValueError("the linear part was given no encoder")
        return embedded(texts, self.embed)

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        facts = _Facts(weight=float(self.weight), sha256=self.sha256)
        (folder / _FACTS).write_text(facts.model_dump_json(), encoding="utf-8")
        write_array(folder / _MEAN, self.mean)
        write_array(folder / _BY_LABEL, self.by_label)

    @classmethod
    def load(cls, folder: Path) -> "Optional[Embeddings]":
        """Read what `save` wrote, if it did.

        Raises:
            ValueError: it is damaged.
        """
        if not (folder / _FACTS).is_file():
            return None
        try:
            facts = _Facts.model_validate_json((folder / _FACTS).read_bytes())
        except (OSError, pydantic.ValidationError):
            raise ValueError(f"{_FACTS}: is not as it was saved") from None
        mean, by_label = read_array(folder / _MEAN, "f"), read_array(folder / _BY_LABEL, "f", 2)
        if len(mean) != len(by_label) or not (
            np.isfinite(mean).all() and np.isfinite(by_label).all()
        ):
            raise ValueError("embeddings: are not as they were saved")
        return cls(mean, facts.weight, by_label, facts.sha256)


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Embeddings less a mean, of length 1, float32; what is 0 stays so.

    They are rounded as the cache rounds them, so that a text has the same wherever it is from.
    """
    vectors = vectors.astype(np.float16).astype(np.float32)
    is_text = vectors.any(axis=1, keepdims=True)
    vectors = (vectors - mean) * is_text
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.float32(1e-12))
