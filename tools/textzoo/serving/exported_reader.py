"""The reader of an exported folder: one of the library's by its name, or the folder's own code."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pydantic

import textzoo
from textzoo.config.checking import signature_fields
from textzoo.config.schema import Block
from textzoo.errors import UserError
from textzoo.readers.library import READERS
from textzoo.serving.manifest import MANIFEST, READER, VOCABULARY, Manifest, explained
from textzoo.text.reader import Reader


def load_reader(path: Path, manifest: Manifest, trust_code: bool) -> Reader:
    """The reader of a folder, with its vocabulary.

    Args:
        path: the folder.
        manifest: its own, which was checked.
        trust_code: whether the folder's own code may be run.

    Raises:
        UserError: it may not, or the library has no such reader, or the folder is damaged.
    """
    name = manifest.reader.name
    if name is None:
        reader_class = _own_class(path, manifest, trust_code)
    elif name in READERS:
        reader_class = READERS[name]
    else:
        raise UserError(
            f"{path / MANIFEST}: reader.name: received {name!r}, expected one of those that "
            f"textzoo {textzoo.__version__} has: {', '.join(READERS)}"
        )
    reader = _make(reader_class, path, manifest)
    try:
        reader.load(path / VOCABULARY)
    except UserError:
        raise
    except Exception as failure:  # of whatever kind
        raise UserError(
            f"{path / VOCABULARY}: is damaged, export the model anew: "
            f"{type(failure).__name__}: {failure}"
        ) from failure
    return reader


def _make(reader_class: type[Reader], path: Path, manifest: Manifest) -> Reader:
    """A reader with the manifest's settings; those that are files are files of the folder.

    Raises:
        UserError: a setting is unknown, or the reader does not take its value.
    """
    fields: dict[str, Any] = dict(signature_fields(reader_class))
    schema = pydantic.create_model("Reader", __base__=Block, **fields)
    files = {key: path / place for key, place in manifest.reader.files.items()}
    try:
        settings = dict(schema.model_validate({**manifest.reader.arguments, **files}))
        outside = [k for k, v in settings.items() if isinstance(v, Path) and k not in files]
        if outside:
            raise ValueError(f"{outside[0]}: expected a file of the folder")
        return reader_class(**settings)
    except ValueError as failure:
        problem = explained(failure) if isinstance(failure, pydantic.ValidationError) else failure
        raise UserError(f"{path / MANIFEST}: reader: {problem}; export the model anew") from None


def _own_class(path: Path, manifest: Manifest, trust_code: bool) -> type[Reader]:
    """What the folder's own `reader.py` defines: the source that the manifest lists, compiled.

    Raises:
        UserError: it is not trusted, was changed, or does not stand alone.
    """
    if not trust_code:
        raise UserError(
            f"{path}: its reader is code of its own ({READER}), which loading runs; if you trust "
            "it as you do any program, load it with trust_code=True (Python) or --trust-code"
        )
    source = (path / READER).read_bytes()
    sha256 = hashlib.sha256(source).hexdigest()
    if sha256 != manifest.sha256[READER]:  # since the files were compared
        raise UserError(f"{path}: is not as it was exported:\n  {READER}: was changed")
    try:
        return defined_reader(path / READER, source)
    except SyntaxError as failure:
        raise UserError(
            f"{path / READER}: {failure}; was exported with Python "
            f"{manifest.versions.get('python')}"
        ) from None


def defined_reader(file: Path, source: bytes) -> type[Reader]:
    """What the source of a `reader.py` defines where nothing else of its model folder is.

    Raises:
        SyntaxError: it is of another Python.
        UserError: it does not stand alone.
    """
    module = ModuleType(f"textzoo_reader_{hashlib.sha256(source).hexdigest()[:16]}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    except ImportError as failure:
        raise UserError(
            f"{file}: {failure}; a reader that is exported imports installed packages "
            "only, nothing from its model folder"
        ) from None
    return module.Reader
