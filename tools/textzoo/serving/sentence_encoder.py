"""An encoder where another library expects a model of sentence-transformers."""

import importlib
from collections.abc import Sequence
from typing import Any, Literal, Union

import numpy as np

from textzoo.serving.in_process import Encoder
from textzoo.text.reader import Side

_BATCH = 1024  # texts between two moves of the bar


class SentenceEncoder:
    """Embeds texts with the arguments of sentence-transformers' `SentenceTransformer.encode`.

    Args:
        encoder: what embeds.
        side: whether texts seek or are to be found, see `Encoder.encode`.
    """

    def __init__(self, encoder: Encoder, side: Side = "title"):
        self.encoder = encoder
        self.side: Side = side

    def encode(
        self,
        sentences: Union[str, Sequence[str]],
        batch_size: int = _BATCH,
        show_progress_bar: bool = False,
        convert_to_numpy: bool = True,
        **others: Any,
    ) -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1; of one text, `[width]`.

        Args:
            sentences: the texts.
            batch_size: how many between two moves of the bar; it has no other effect.
            show_progress_bar: whether there is one.
            convert_to_numpy: accepted when true: there are no tensors.
            others: `normalize_embeddings`, `convert_to_tensor=False` and the like, which change
                nothing.

        Raises:
            BadText: naming the place of a text that the model cannot read.
            ValueError: tensors, or another precision, are asked for.
        """
        if not convert_to_numpy or others.get("convert_to_tensor"):
            raise ValueError("convert_to_numpy: expected true: embeddings are arrays of NumPy")
        if others.get("precision", "float32") != "float32":
            raise ValueError(f"precision: received {others['precision']!r}, expected 'float32'")
        if batch_size < 1:
            raise ValueError(f"batch_size: received {batch_size}, expected at least 1")
        if isinstance(sentences, str):
            return self.encoder.encode([sentences], self.side)[0]
        texts = list(sentences)
        if not show_progress_bar:
            return self.encoder.encode(texts, self.side)
        from textzoo.logs import ProgressBar

        parts = [self.encoder.encode([], self.side)]
        with ProgressBar(total=len(texts), unit="text") as bar:
            for first in range(0, len(texts), batch_size):
                parts.append(self.encoder.encode(texts[first : first + batch_size], self.side))
                bar.update(len(parts[-1]))
        return np.concatenate(parts)

    def get_sentence_embedding_dimension(self) -> int:
        """The width of an embedding."""
        return self.encoder.encode(["-"]).shape[1]

    def backend(self, library: Literal["bertopic", "keybert"]) -> Any:
        """What `embedding_model` of BERTopic or of KeyBERT takes, which know models by their class.

        Args:
            library: whose it is; it has to be installed.
        """
        embed = self.encode

        class Backend(importlib.import_module(f"{library}.backend").BaseEmbedder):
            """Embeds documents and words alike."""

            def embed(self, documents: Sequence[str], verbose: bool = False) -> np.ndarray:
                """The embeddings of documents."""
                return embed(list(documents), show_progress_bar=verbose)

        return Backend()
