"""The manifest of an exported folder; whether the folder holds what it lists, and nothing else."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pydantic
from pydantic import Field

from textzoo.called import program
from textzoo.config.schema import Block, IndexSettings, NotNegativeInt, PositiveInt
from textzoo.errors import UserError
from textzoo.files import Listing, digests, standing
from textzoo.linear.fusion import Scale
from textzoo.metrics.names import Kind
from textzoo.running.engines import FILES, StoredPrecision

MANIFEST, READER, VOCABULARY, INDEX = "manifest.json", "reader.py", "vocabulary", "index"
LABELS, LINEAR, FLOAT32 = "labels.json", "linear", "float32"
EXAMPLES = "examples.npz"
ENCODER = "encoder"  # in the folder of the linear part: an export of the encoder beside its n-grams
LISTING = Listing(MANIFEST, frozenset({"form", "kind", "formats", "sha256"}), "an exported model")
FORM = 4  # of the folder; 3 had linear parts that were not deflated, 2 the code of every reader

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
# The outputs of each kind of model, any of these, and their ranks.
_OUTPUTS: dict[Kind, list[dict[str, int]]] = {
    "tags": [{"scores": 2}, {"best_labels": 2, "best_scores": 2}],
    "levels": [{"scores": 3}],
    "embeddings": [{"embeddings": 2}],
}


class CheckpointFacts(Block):
    """What the weights come from."""

    name: str
    step: NotNegativeInt
    weights_sha256: _Digest
    validation_metrics: Optional[dict[str, _Finite]]


class ReaderFacts(Block):
    """What turns texts into arrays.

    Attributes:
        name: of a reader of the library; None: that of the folder's own code.
        arguments: of its constructor, but for files.
        files: those, by the arguments' names.
    """

    name: Optional[str]
    arguments: dict[str, Any]
    files: dict[str, str]


class ArrayFacts(Block):
    """The form of an input or output."""

    rank: NotNegativeInt
    dtype: str


class BestLabel(Block):
    """A label, its score, and the probability that the text has it, if that is known."""

    tag: str
    score: _Finite
    probability: Optional[_Finite] = None


class Prediction(Block):
    """What is predicted for a text."""

    top: list[BestLabel]
    predicted: Optional[Union[list[str], dict[str, int]]] = None


class Manifest(Block):
    """The content of `manifest.json`."""

    form: int
    model: str
    checkpoint: CheckpointFacts
    reader: ReaderFacts
    hyper_parameters: dict[str, Any]
    kind: Kind
    index: Optional[IndexSettings]
    has_linear: bool = False
    score_scale: Scale = "any"
    top_k: Optional[PositiveInt] = None
    threshold: Optional[Union[_Finite, list[_Finite]]] = None
    calibration: Optional[Annotated[list[_Finite], Field(min_length=2, max_length=2)]] = None
    metrics: Optional[list[str]] = None
    inputs: dict[str, ArrayFacts]
    outputs: dict[str, ArrayFacts]
    width: Optional[PositiveInt]
    weak_below: Optional[_Finite] = None  # of a search's scores, see `export.nearness`
    examples: Annotated[list[str], Field(min_length=1)]
    predictions: Optional[list[Prediction]] = None
    formats: Annotated[list[Literal["paddle", "onnx"]], Field(min_length=1)]
    precision: StoredPrecision
    versions: dict[str, str]
    sha256: dict[str, _Digest]

    @pydantic.model_validator(mode="after")
    def _check(self) -> "Manifest":
        """Refuse parts that do not fit one another."""
        needed = [EXAMPLES, *(file for name in self.formats for file in FILES[name])]
        needed += [] if self.kind == "embeddings" else [LABELS]
        needed += [READER] if self.reader.name is None else []
        needed += [file for file in self.reader.files.values() if file != VOCABULARY]
        for file in needed:
            if file not in self.sha256:
                raise ValueError(f"sha256: lacks {file}")
        for key, value, part in (
            ("has_linear", self.has_linear, LINEAR),
            ("precision", self.precision != "float32", FLOAT32),
        ):
            if value != any(file.startswith(f"{part}/") for file in self.sha256):
                raise ValueError(
                    f"{key}: received {getattr(self, key)}, but the files say otherwise"
                )
        ranks = {name: array.rank for name, array in self.outputs.items()}
        if ranks not in _OUTPUTS[self.kind]:
            raise ValueError(f"outputs: not those of a model of {self.kind}")
        if (self.width if self.kind == "embeddings" else self.top_k) is None:
            raise ValueError("width, top_k: missing")
        return self


def read_manifest(path: Path) -> Manifest:
    """The manifest of an exported folder, which holds the files that it lists and no others.

    Raises:
        UserError: it is no exported folder, or one that is not as it was exported.
    """
    path = standing(path)
    if not os.path.isfile(path / MANIFEST):  # a name may be too long for it
        raise UserError(
            f"{path}: is not an exported model: expected a folder made by {program('export')}, "
            f"with {MANIFEST}"
        )
    content = _content(path)
    if content is None:
        raise UserError(
            f"{path / MANIFEST}: is damaged or cannot be read: expected an object of JSON; "
            "export the model anew"
        )
    if content.get("form", FORM) != FORM:
        versions = content.get("versions")
        version = versions.get("textzoo") if isinstance(versions, dict) else "unknown"
        raise UserError(
            f"{path}: was exported by textzoo {version} in another form; "
            "export it anew with this version, or use that one"
        )
    try:
        manifest = Manifest.model_validate(content)
    except pydantic.ValidationError as failure:
        raise UserError(
            f"{path / MANIFEST}: is damaged, export the model anew: {explained(failure)}"
        ) from None
    try:
        problems = _differences(path, manifest.sha256)
    except OSError as failure:
        raise UserError(f"{failure.filename}: cannot be read: {failure.strerror}") from None
    if problems:
        raise UserError(f"{path}: is not as it was exported:\n  " + "\n  ".join(problems))
    return manifest


def explained(failure: pydantic.ValidationError) -> str:
    """What is wrong with checked values, each by its key."""
    return "; ".join(
        ".".join(map(str, error["loc"])) + ": " * bool(error["loc"]) + error["msg"]
        for error in failure.errors(include_url=False)
    )


def _content(path: Path) -> Optional[dict[str, Any]]:
    try:
        content = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        json.dumps(content, ensure_ascii=False).encode()  # no half characters
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _differences(path: Path, sha256: dict[str, str]) -> list[str]:
    """In what a folder differs from the files that its manifest lists.

    Only what is found in the folder is read, whatever the manifest's names are.
    """
    entries = [entry for entry in path.rglob("*") if entry.is_symlink() or not entry.is_dir()]
    is_file = {e.relative_to(path).as_posix(): e.is_file() and not e.is_symlink() for e in entries}
    problems = {name: "is a link or no file" for name in is_file if not is_file[name]}
    files = {name for name in is_file if is_file[name]} - {MANIFEST}
    problems |= {name: "is not among the exported files" for name in files - sha256.keys()}
    problems |= {name: "missing" for name in sha256.keys() - is_file.keys()}
    found = digests(path, sorted(files & sha256.keys()))
    problems |= {name: "was changed" for name in found if found[name] != sha256[name]}
    return [f"{name}: {problems[name]}" for name in sorted(problems)]
