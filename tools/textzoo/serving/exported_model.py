"""An exported folder: its files checked, texts to outputs. No training code."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from textzoo.data.batching import in_order, text_batches
from textzoo.errors import BadLine, BadText, UserError
from textzoo.files import standing
from textzoo.inference.explaining import Explainer
from textzoo.linear.fusion import LINEAR_SCORES, Fusion, NetAlone, fused, load_fusion
from textzoo.linear.part import LinearPart
from textzoo.running.engines import Engine, open_engine
from textzoo.serving.exported_reader import load_reader
from textzoo.serving.manifest import ENCODER, EXAMPLES, LINEAR, ArrayFacts, read_manifest
from textzoo.text.coverage import Coverage
from textzoo.text.ragged import Columns, columns_of
from textzoo.text.reader import CHARACTERS, Feeds, Ids, Reader, Side, encoded_text, n_tokens

_BATCH = 64  # texts
_BATCH_TOKENS = 8192  # with padding: 16 texts of 512 tokens; more takes memory and saves no time


class Examples(NamedTuple):
    """What the net took for the manifest's example texts, and what it gave."""

    inputs: Feeds
    outputs: Feeds


class ExportedModel:
    """The model of an exported folder, run by one engine.

    Args:
        path: the folder.
        engine: `paddle` or `onnx`; default: the first of them that is there.
        trust_code: whether the folder may bring a reader of its own, code that is then run.

    Attributes:
        path: the folder.
        manifest: the content of `manifest.json`.
        reader: what turns texts into arrays.
        examples: arrays of the manifest's example texts.
        linear: the linear part and what makes one score of two, if there is one.

    Raises:
        UserError: it is no exported folder or not as it was exported, its code is not trusted, or
            the engine is missing.
    """

    def __init__(self, path: Path, engine: Optional[str] = None, trust_code: bool = False):
        self.path = path = standing(path)
        self.manifest = read_manifest(path)
        self.reader = load_reader(path, self.manifest, trust_code)
        self.examples = _read_examples(path / EXAMPLES)
        self.linear = self._load_linear(engine)
        self._engine: Engine = open_engine(path, self.manifest.formats, engine)
        self._check_examples()

    def _load_linear(self, engine: Optional[str]) -> Optional[tuple[LinearPart, Fusion]]:
        self.reader.with_characters = self.manifest.has_linear
        if not self.manifest.has_linear:
            return None
        folder, n_labels = self.path / LINEAR, len(self.reader.label_names)
        try:
            part, fusion = LinearPart.load(folder, n_labels), load_fusion(folder, n_labels)
        except ValueError as problem:
            raise UserError(
                f"{self.path / LINEAR}: is damaged, export the model anew: {problem}"
            ) from None
        if part.embeddings:
            self.reader.keeps_case = True
            encoder = ExportedModel(folder / ENCODER, engine)
            if encoder.manifest.width != len(part.embeddings.mean):
                raise UserError(f"{folder}: {ENCODER} is of another width, export the model anew")
            part.embeddings.embed = encoder.embed
        return part, fusion

    def embed(self, texts: list[str]) -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of a model that gives such."""
        return self.outputs(self.encode(texts))["embeddings"]

    @property
    def weights(self) -> list[str]:
        """The digest of its weights, as a list of one; see `ExportedEnsemble`."""
        return [self.manifest.checkpoint.weights_sha256]

    @property
    def engine(self) -> str:
        """The name and version of what runs the program."""
        return self._engine.version

    @property
    def widths(self) -> list[int]:
        """How many of their first numbers embeddings may have: all, or what training chose."""
        width = self.manifest.width or 0
        dims = self.manifest.hyper_parameters.get("matryoshka_dims")
        trained = dims if isinstance(dims, list) else []
        return sorted(
            {width, *(dim for dim in trained if isinstance(dim, int) and 0 < dim < width)}
        )

    def encode(self, texts: Sequence[str], n_queries: Optional[int] = None) -> list[Ids]:
        """The ids of each text: the first half of the way, which needs no engine.

        Args:
            texts: any texts.
            n_queries: of a model of pairs, how many of the first seek; those behind them are to
                be found. None: all of them seek.

        Raises:
            BadText: a text is one that the model cannot read.
            TypeError: `texts` is not a list of texts.
        """
        return encoded_texts(self.reader, texts, n_queries)

    def n_tokens(self, row: Ids) -> int:
        """How many ids the net takes of an encoded text."""
        return n_tokens(row)

    def coverage(self, text: str, side: Side = "query") -> Optional[Coverage]:
        """How much of a text the net reads, see `Reader.coverage`.

        Raises:
            BadText: the model cannot read it.
        """
        try:
            text.encode()
            return self.reader.coverage(text, side)
        except UnicodeEncodeError:
            raise BadText("holds half a character (a surrogate)") from None
        except BadLine as problem:
            raise BadText(str(problem)) from None

    def feeds(self, rows: Sequence[Ids]) -> Feeds:
        """The arrays that the program takes for encoded texts, and the linear scores."""
        return self.feeds_of(columns_of(rows), np.arange(len(rows)))

    def run(self, feeds: Feeds) -> Feeds:
        """The outputs of one batch by their names."""
        feeds = dict(feeds)
        scores = feeds.pop(LINEAR_SCORES, None)
        outputs = dict(zip(self.manifest.outputs, self._engine(feeds)))
        if self.linear is None or scores is None:
            return outputs
        return fused(outputs, scores, self.linear[1])

    def batches(self, rows: Sequence[Ids]) -> Iterator[tuple[np.ndarray, Feeds]]:
        """The outputs for any number of encoded texts, those of similar length together.

        Yields:
            The places in `rows` and the outputs of a batch.
        """
        if not rows:
            return
        for columns, places in text_batches(rows, _BATCH, _BATCH_TOKENS):
            yield places, self.run(self.feeds_of(columns, places))

    def outputs(self, rows: Sequence[Ids]) -> Feeds:
        """The outputs for some encoded texts, in their order."""
        return in_order(self.batches(rows), len(rows))

    def explainer(self) -> Explainer:
        """What tells why a label scores as it does."""
        part, fusion = self.linear or (None, NetAlone(self.manifest.score_scale))
        return Explainer(self.reader.label_names, self._net_outputs, fusion, part)

    def _net_outputs(self, texts: list[str]) -> Feeds:
        """The outputs of the net alone."""
        rows, sizes = self.encode(texts), self.manifest.hyper_parameters
        batches = (
            (places, self.run(self.reader.infer_feeds(columns, places, sizes)))
            for columns, places in text_batches(rows, _BATCH, _BATCH_TOKENS)
        )
        return in_order(batches, len(rows))

    def feeds_of(self, columns: Columns, rows: np.ndarray) -> Feeds:
        """The same for some rows of many."""
        feeds = self.reader.infer_feeds(columns, rows, self.manifest.hyper_parameters)
        if self.linear:
            feeds[LINEAR_SCORES] = self.linear[0].scores(columns[CHARACTERS].chosen(rows))
        return feeds

    def _check_examples(self) -> None:
        """Have the first example computed: what in a folder does not fit the rest is found so.

        Raises:
            UserError: something does not.
        """
        inputs, outputs = self.examples
        try:
            rows = self.encode(self.manifest.examples)
            feeds = self.feeds(rows)
            feeds.pop(LINEAR_SCORES, None)  # of which the last bit may differ elsewhere
            computed = list(self.run(self.feeds(rows[:1])).values())
        except Exception as failure:  # of whatever kind
            raise UserError(
                f"{self.path}: cannot compute its own examples, export the model anew: "
                f"{type(failure).__name__}: {failure}"
            ) from failure
        for name in {**feeds, **inputs}:
            if not np.array_equal(feeds.get(name, ()), inputs.get(name, ())):
                raise UserError(
                    f"{self.path}: the examples' texts give another {name} than when they were "
                    "exported; use the versions of packages that the manifest names"
                )
        expected = [(a.shape[1:], a.dtype) for a in outputs.values()]
        width = outputs["embeddings"].shape[1] if "embeddings" in outputs else None
        fits = (
            _forms(inputs) == self.manifest.inputs
            and _forms(outputs) == self.manifest.outputs
            and width == self.manifest.width
            and [(array.shape[1:], array.dtype) for array in computed] == expected
            and all(np.isfinite(array).all() for array in computed)
        )
        if not fits:
            raise UserError(
                f"{self.path}: gives other outputs than the manifest says, export the model anew"
            )


def encoded_texts(
    reader: Reader, texts: Sequence[str], n_queries: Optional[int] = None
) -> list[Ids]:
    """The ids of each text; see `ExportedModel.encode`."""
    if isinstance(texts, str):
        raise TypeError("texts: received one text, expected a list of texts")
    rows = []
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{place}]: received {type(text).__name__}, expected a text")
        try:
            text.encode()
            is_query = n_queries is None or place < n_queries
            rows.append(encoded_text(reader, text, "query" if is_query else "title"))
        except UnicodeEncodeError:
            raise BadText(f"texts[{place}]: holds half a character (a surrogate)") from None
        except BadLine as problem:
            raise BadText(f"texts[{place}]: {problem}") from None
    return rows


def _forms(arrays: Feeds) -> dict[str, ArrayFacts]:
    return {name: ArrayFacts(rank=a.ndim, dtype=str(a.dtype)) for name, a in arrays.items()}


def _read_examples(file: Path) -> Examples:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            parts = [
                {n.removeprefix(part): arrays[n] for n in arrays if n.startswith(part)}
                for part in ("input/", "output/")
            ]
    except Exception as failure:  # of zipfile, zlib or NumPy, of whatever kind
        raise UserError(f"{file}: is damaged, export the model anew: {failure}") from None
    return Examples(*parts)
