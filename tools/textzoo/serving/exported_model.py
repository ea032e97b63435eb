"""An exported folder: its manifest, its files checked, texts to outputs. No training code."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.data.batching import text_batches
from textzoo.errors import BadLine, BadText, UserError
from textzoo.files import Listing, digests, standing
from textzoo.running.engines import Engine, open_engine
from textzoo.text.ragged import Columns, columns_of
from textzoo.text.reader import Feeds, Ids, Reader

MANIFEST, READER, VOCABULARY, INDEX = "manifest.json", "reader.py", "vocabulary", "index"
LABELS = "labels.json"
EXAMPLES = "examples.npz"
LISTING = Listing(MANIFEST, frozenset({"form", "kind", "formats", "sha256"}), "an exported model")
FORM = 2  # of the manifest; 1 had readers that import modules of the flat library
_BATCH = 64


class ExportedModel:
    """The model of an exported folder, run by one engine.

    Loading runs the `reader.py` in the folder: load only folders that you trust as you trust
    code.

    Args:
        path: the folder.
        engine: `paddle` or `onnx`; default: the first of them that is there.

    Attributes:
        path: the folder.
        manifest: the content of `manifest.json`.

    Raises:
        UserError: it is no exported folder, a file of it was changed, or the engine is missing.
    """

    def __init__(self, path: Path, engine: Optional[str] = None):
        self.path = path = standing(path)
        self.manifest = read_manifest(path)
        self.reader = _load_reader(path, self.manifest["reader"])
        self._engine: Engine = open_engine(path, self.manifest["formats"], engine)

    @property
    def engine(self) -> str:
        """The name and version of what runs the program."""
        return self._engine.version

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text: the first half of the way, which needs no engine.

        Raises:
            BadText: a text is one that the model cannot read.
            TypeError: `texts` is not a list of texts.
        """
        if isinstance(texts, str):
            raise TypeError("texts: received one text, expected a list of texts")
        rows = []
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{place}]: received {type(text).__name__}, expected a text")
            try:
                text.encode()
                rows.append(self.reader.encode_text(text))
            except UnicodeEncodeError:
                raise BadText(f"texts[{place}]: holds half a character (a surrogate)") from None
            except BadLine as problem:
                raise BadText(f"texts[{place}]: {problem}") from None
        return rows

    def feeds(self, rows: Sequence[Ids]) -> Feeds:
        """The arrays that the program takes for one batch of encoded texts."""
        return self._feeds(columns_of(rows), np.arange(len(rows)))

    def run(self, feeds: Feeds) -> Feeds:
        """The outputs of one batch by their names."""
        return dict(zip(self.manifest["outputs"], self._engine(feeds)))

    def batches(self, rows: Sequence[Ids]) -> Iterator[tuple[np.ndarray, Feeds]]:
        """The outputs for any number of encoded texts, those of similar length together.

        Yields:
            The places in `rows` and the outputs of a batch.
        """
        if not rows:
            return
        for columns, places in text_batches(rows, _BATCH):
            yield places, self.run(self._feeds(columns, places))

    def outputs(self, rows: Sequence[Ids]) -> Feeds:
        """The outputs for some encoded texts, in their order."""
        found: Feeds = {}
        for places, outputs in self.batches(rows):
            for name, array in outputs.items():
                if name not in found:
                    found[name] = np.empty((len(rows), *array.shape[1:]), array.dtype)
                found[name][places] = array
        return found

    def _feeds(self, columns: Columns, rows: np.ndarray) -> Feeds:
        return self.reader.infer_feeds(columns, rows, self.manifest["hyper_parameters"])


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of an exported folder, every file of which is as it was.

    Raises:
        UserError: it is no exported folder, or a file is missing or was changed.
    """
    path = standing(path)
    if not is_exported(path):
        raise UserError(
            f"{path}: is not an exported model: expected a folder made by export.py, "
            f"with {MANIFEST}"
        )
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    if manifest["form"] != FORM:
        raise UserError(
            f"{path}: was exported by textzoo {manifest['versions']['textzoo']} in another form; "
            "export it anew with this version, or use that one"
        )
    expected = manifest["sha256"]
    actual = digests(path, list(expected))
    changed = [
        f"{name}: {'missing' if actual[name] is None else 'was changed'}"
        for name in expected
        if actual[name] != expected[name]
    ]
    if changed:
        raise UserError(f"{path}: is not as it was exported:\n  " + "\n  ".join(changed))
    return manifest


def is_exported(path: Path) -> bool:
    """Whether a folder was made by export.py."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return LISTING.keys <= manifest.keys()
    except (OSError, ValueError, AttributeError):
        return False


def _load_reader(path: Path, settings: dict[str, Any]) -> Reader:
    """The reader of the folder's own `reader.py`, with its vocabulary.

    Raises:
        UserError: it does not stand alone.
    """
    path = path.resolve()
    name = f"textzoo_reader_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path / READER)
    if spec is None or spec.loader is None:
        raise UserError(f"{path / READER}: cannot be imported, expected a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError as failure:
        raise UserError(
            f"{path / READER}: {failure}; a reader that is exported imports installed packages "
            "only, nothing from its model folder"
        ) from None
    arguments = dict(settings["arguments"])
    for key, place in settings["files"].items():
        arguments[key] = path / place
    reader = module.Reader(**arguments)
    reader.load(path / VOCABULARY)
    return reader
