"""Texts to embeddings with a pretrained encoder that nothing was trained above."""

from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.config.schema import EncoderSettings, Teacher
from textzoo.data.cache import reader_identity
from textzoo.errors import UserError
from textzoo.evaluation.row_outputs import embed
from textzoo.nets.architecture import read_architecture
from textzoo.nets.sentence_encoder import SentenceEncoder
from textzoo.readers.pairs import Reader
from textzoo.running.building import advise_prefixes, set_pretrained
from textzoo.running.dygraph import DygraphRun
from textzoo.running.pair_model import PairModel
from textzoo.running.predictor import Precision, Predictor
from textzoo.running.run import InferenceRun
from textzoo.running.static import Example, StaticRun
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Side, encoded_text

_MAX_LEN = 128


class PretrainedEmbedder:
    """Embeds texts as the folder of a pretrained encoder says; it is read when a text comes.

    Args:
        folder: of Hugging Face or PaddleNLP, with a tokenizer.
        settings: prefixes, pooling and the longest text.
        precision: of matrix products on a CPU.
        use_gpu: whether to compute on a GPU.

    Attributes:
        made_from: what decides an embedding.
        sides_alike: whether a text has one embedding as a query and as a title.

    Raises:
        UserError: it is no such folder.
    """

    def __init__(self, folder: Path, settings: Teacher, precision: Precision, use_gpu: bool):
        max_len = settings.max_len or _MAX_LEN
        positions = read_architecture(folder).architecture.max_position_embeddings
        arguments = {
            "tokenizer": folder,
            "max_len": min(max_len, positions),
            "query_prefix": settings.query_prefix,
            "title_prefix": settings.title_prefix,
        }
        self._folder, self._pooling = folder, settings.pooling or "mean"
        self._precision: Precision = precision
        self._use_gpu = use_gpu
        self._reader = Reader(**arguments)
        self._run: Optional[InferenceRun] = None
        self.sides_alike = (settings.query_prefix or "") == (settings.title_prefix or "")
        self.made_from = [reader_identity(Reader, arguments), self._pooling, precision]
        prefixes = settings.model_dump(include={"query_prefix", "title_prefix"})
        named = {f"hyper_parameters.teacher.{key}": prefix for key, prefix in prefixes.items()}
        advise_prefixes(folder, named)

    def __call__(self, texts: list[str], side: Side = "query") -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1.

        Raises:
            UserError: the folder's weights or tokenizer are not as they should be.
        """
        if self._run is None:
            try:
                self._run = self._read()
            except UserError as problem:
                found = str(problem).removeprefix("encoder.pretrained: ")
                raise UserError(f"hyper_parameters.teacher.model: {found}") from None
        ids = [encoded_text(self._reader, text, side)["text"] for text in texts]
        return embed(self._run, Ragged.of(ids))

    def _read(self) -> InferenceRun:
        self._reader.fit([], {})
        model = _Untrained(
            {
                **self._reader.sizes(),
                "encoder": EncoderSettings(pretrained=self._folder),
                "pooling": self._pooling,
                "output_emb_size": None,
            }
        )
        net = model.create_model()
        weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
        set_pretrained(weights, self._folder)
        if self._use_gpu:
            run = DygraphRun(model, net)
            run.set_parameters(weights)
            return run
        first = model.infer_feeds({"text": Ragged.of([[0]])}, np.zeros(1, np.int64))
        example = Example(inference=first, training={})
        return Predictor(StaticRun(model, model.create_model, weights, example), self._precision)


class _Untrained(PairModel):
    net_class = SentenceEncoder
