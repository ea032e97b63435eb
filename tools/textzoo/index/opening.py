"""The index of a config: which backend keeps it, where, and what all of them can do."""

import hashlib
import logging
import re
from typing import Any, Optional

import numpy as np

from textzoo.config.schema import IndexSettings, Runner
from textzoo.errors import UserError
from textzoo.files import check_folder
from textzoo.index.centering import CENTER, CentredIndex
from textzoo.index.inverted_lists import check_width, import_faiss
from textzoo.index.text_index import TextIndex

log = logging.getLogger("textzoo")


def index_settings(settings: IndexSettings, runner: Runner, model: str) -> IndexSettings:
    """The settings with every name and path that they leave open.

    Where hnswlib is missing exact search takes the place of a graph, which the log says.

    Args:
        settings: the config's `index` block.
        runner: its `runner` block.
        model: the name of the model's folder.
    """
    corpus = runner.corpus_file.name if runner.corpus_file else "corpus"
    return _without_graph(settings).model_copy(
        update={
            "path": settings.path or runner.model_save_path / "index",
            "collection": settings.collection or _identifier(f"textzoo_{model}"),
            "partition": settings.partition or _identifier(corpus),
        }
    )


def check_place(settings: IndexSettings) -> None:
    """Refuse a folder in which an index could not, or must not, be written.

    Raises:
        UserError: it holds something other than an index, or cannot be written.
    """
    if settings.backend != "milvus" and settings.path:  # Milvus Lite leaves alone what is there
        from textzoo.index.folder_index import LISTING

        check_folder(settings.path, LISTING, "index.path")


def load_index(settings: IndexSettings, exported: bool = False) -> Optional[TextIndex]:
    """The index that is there; None if there is none, or one of another form.

    Args:
        settings: with every name and path.
        exported: whether its files belong to an export, and are to stay as they are.

    Raises:
        UserError: it is damaged, its library is not installed, or its server does not answer or
            has something else there.
    """
    index: Optional[TextIndex] = None
    if settings.backend == "milvus":
        from textzoo.index.milvus import MilvusIndex

        index = MilvusIndex.load(settings, exported)
    else:
        _refuse_filter(settings)
        if settings.backend == "faiss":
            import_faiss()
        settings = _without_graph(settings)
        from textzoo.index.folder_index import FolderIndex

        index = FolderIndex.load(settings.path, settings) if settings.path else None
    if index is None or CENTER not in index.made_from:
        return index  # which may hold no text
    return CentredIndex(index)


def new_index(
    settings: IndexSettings,
    width: int,
    made_from: dict[str, Any],
    ranges: Optional[np.ndarray] = None,
) -> TextIndex:
    """An empty index, which `commit` puts in the place of the one that is there.

    Args:
        settings: with every name and path.
        width: of the embeddings.
        made_from: what decides the embeddings; with `centering.CENTER` their mean, which is taken
            away.
        ranges: of embeddings without their mean, see `Int8Vectors`; default: what is added first
            has them.

    Raises:
        UserError: its library is not installed, or its server does not answer or has something
            else there; or it cannot hold embeddings of this width.
    """
    index: TextIndex
    check_width(settings, width)
    if settings.backend == "milvus":
        from textzoo.index.milvus import MilvusIndex

        index = MilvusIndex.create(settings, width, made_from)
    else:
        from textzoo.index.folder_index import FolderIndex

        index = FolderIndex(_without_graph(settings), width, made_from, ranges)
    return CentredIndex(index) if CENTER in made_from else index


def _without_graph(settings: IndexSettings) -> IndexSettings:
    """The settings, with exact search in place of a graph where hnswlib is missing."""
    from textzoo.index.folder_index import hnswlib

    if settings.backend != "hnsw" or hnswlib:
        return settings
    log.warning(
        "index.backend: hnsw needs hnswlib, which is not installed: exact search takes its place "
        "(pip install 'textzoo[hnsw]', with a C++ compiler)"
    )
    return settings.model_copy(update={"backend": "exact"})


def _refuse_filter(settings: IndexSettings) -> None:
    if settings.filter:
        raise UserError(
            f"index.filter: the backend {settings.backend} keeps no metadata; "
            "-o index.backend=milvus does, index.filter=null searches all texts"
        )


def _identifier(text: str) -> str:
    """A name that Milvus takes, another one for each text."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)[:100]
    if not text.isascii():
        name += "_" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"_{name}" if name[0].isdigit() else name
