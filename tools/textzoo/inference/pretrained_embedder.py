"""Texts to embeddings with a pretrained encoder that nothing was trained above."""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.config.schema import EncoderSettings, Teacher
from textzoo.data.cache import reader_identity
from textzoo.errors import UserError
from textzoo.evaluation.row_outputs import embed
from textzoo.files import kept_sha256
from textzoo.inference.embedder import ids_of
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
from textzoo.text.reader import Side

TEACHER = "hyper_parameters.teacher"
_MAX_LEN = 128


class PretrainedEmbedder:
    """Embeds texts as the folder of a pretrained encoder says; it is read when a text comes.

    Args:
        folder: of Hugging Face or PaddleNLP, with a tokenizer.
        settings: prefixes, pooling and the longest text.
        precision: of matrix products on a CPU.
        use_gpu: whether to compute on a GPU.
        key: of the config, which names the folder.
        prefix_keys: those which say the prefixes of queries and titles.

    Attributes:
        made_from: what decides an embedding.
        files: the checksums of the folder's files.
        folder: as given.
        reader: of texts.
        arguments: of the reader.
        sides_alike: whether a text has one embedding as a query and as a title.

    Raises:
        UserError: it is no such folder.
    """

    def __init__(
        self,
        folder: Path,
        settings: Teacher,
        precision: Precision,
        use_gpu: bool,
        key: str = f"{TEACHER}.model",
        prefix_keys: Sequence[str] = (f"{TEACHER}.query_prefix", f"{TEACHER}.title_prefix"),
    ):
        max_len = settings.max_len or _MAX_LEN
        positions = read_architecture(folder).architecture.max_position_embeddings
        self.arguments = arguments = {
            "tokenizer": folder,
            "max_len": min(max_len, positions),
            "query_prefix": settings.query_prefix,
            "title_prefix": settings.title_prefix,
        }
        self._key = key
        self.folder, self._pooling = folder, settings.pooling or "mean"
        self._precision: Precision = precision
        self._use_gpu = use_gpu
        self.reader = Reader(**arguments)
        self._run: Optional[InferenceRun] = None
        self.sides_alike = (settings.query_prefix or "") == (settings.title_prefix or "")
        self.made_from = [reader_identity(Reader, arguments), self._pooling, precision]
        self.files = pretrained_files(folder)
        prefixes = settings.query_prefix, settings.title_prefix
        advise_prefixes(folder, dict(zip(prefix_keys, prefixes)))

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
                raise UserError(f"{self._key}: {found}") from None
        return embed(self._run, Ragged.of([ids_of(self.reader, text, side) for text in texts]))

    def _read(self) -> InferenceRun:
        if not self._use_gpu:
            return Predictor(self.static_run(), self._precision)
        model, weights = self._model()
        run = DygraphRun(model, model.create_model())
        run.set_parameters(weights)
        return run

    def static_run(self) -> StaticRun:
        """The encoder in static graph, whose program can be saved.

        Raises:
            UserError: as when texts are embedded.
        """
        model, weights = self._model()
        first = model.infer_feeds({"text": Ragged.of([[0]])}, np.zeros(1, np.int64))
        example = Example(inference=first, training={})
        return StaticRun(model, model.create_model, weights, example)

    def _model(self) -> "tuple[_Untrained, dict[str, np.ndarray]]":
        """The model, and the weights of its net."""
        self.reader.fit([], {})
        model = _Untrained(
            {
                **self.reader.sizes(),
                "encoder": EncoderSettings(pretrained=self.folder),
                "pooling": self._pooling,
                "output_emb_size": None,
            }
        )
        state = model.create_model().state_dict()
        weights = {name: tensor.numpy() for name, tensor in state.items()}
        set_pretrained(weights, self.folder)
        return model, weights


class _Untrained(PairModel):
    net_class = SentenceEncoder


def pretrained_files(folder: Path) -> dict[str, str]:
    """The checksums of what a pretrained encoder's folder has for an embedding, by their names."""
    kinds = (".json", ".txt", ".model", ".safetensors", ".pdparams", ".bin")
    files = (file for file in sorted(folder.iterdir()) if file.suffix in kinds and file.is_file())
    return {file.name: kept_sha256(file) for file in files}
