"""The file of a graph, checked before hnswlib reads it, which trusts every number in it.

Its parts are a header, level 0 of all texts, then the levels above of one text after the other: as
`saveIndex` of `hnswalg.h` writes them.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.config.schema import IndexSettings

_HEADER = np.dtype(
    [
        *((name, "<u8") for name in ("level_0_offset", "max_elements", "n_elements")),
        *((name, "<u8") for name in ("element_size", "label_offset", "embedding_offset")),
        *(("max_level", "<i4"), ("entry_point", "<u4")),
        *((name, "<u8") for name in ("most_links", "most_links_0", "m")),
        *(("level_factor", "<f8"), ("ef_construction", "<u8")),
    ]
)
_MAX_M = 10_000  # of hnswlib, whatever it was asked for
_AT_ONCE = 4096  # texts whose embeddings are compared or written at once
_TOLERANCE = 1e-5  # of the numbers of an embedding, which hnswlib brings to length 1 itself


def is_graph_of(
    path: Path, embeddings: np.ndarray, deleted: np.ndarray, settings: IndexSettings
) -> bool:
    """Whether a file holds a graph of these embeddings that hnswlib can search and extend.

    Args:
        path: the file.
        embeddings: `[texts, width]`, of finite numbers.
        deleted: `[texts]` which of them are marked as deleted.
        settings: that it was built with.
    """
    content = _mapped(path)
    (n, width), m = embeddings.shape, _m_of(settings)
    row = _row_type(width, m)
    end = _HEADER.itemsize + n * row.itemsize
    if not n or len(content) < end or len(content) % 4:
        return False
    header = content[: _HEADER.itemsize].view(_HEADER)[0]
    expected = {
        **{"level_0_offset": 0, "max_elements": n, "n_elements": n, "element_size": row.itemsize},
        **{"embedding_offset": 4 + 8 * m, "label_offset": 4 + 8 * m + 4 * width},
        **{"most_links": m, "most_links_0": 2 * m, "m": m},
        "ef_construction": max(m, settings.ef_construction),
    }
    if any(header[name] != value for name, value in expected.items()):
        return False
    if not np.isclose(header["level_factor"], 1 / np.log(m)):
        return False
    levels = _levels(content[end:].view("<u4"), n, m)
    if levels is None or header["entry_point"] >= n:
        return False
    rows = content[_HEADER.itemsize : end].view(row)
    places = rows["label"]  # threads add in an order of their own
    if not (np.sort(places) == np.arange(n)).all():
        return False
    return bool(
        levels[header["entry_point"]] == header["max_level"] == levels.max()
        and (rows["deleted"] == deleted[places]).all()
        and all(
            np.allclose(found["embedding"], expected, rtol=0, atol=_TOLERANCE)
            for found, expected in _with_theirs(rows, embeddings, settings)
        )
        and _leads_on(rows["n_links"], rows["links"], levels, np.zeros(n, int))
        and _upper_levels_lead_on(content[end:].view("<u4"), levels, m)
    )


def keep_links(path: Path, n: int, settings: IndexSettings) -> None:
    """Write a graph anew without its embeddings.

    Args:
        path: the file.
        n: how many texts it has.
        settings: that it was built with.

    Raises:
        OSError: it cannot be written.
    """
    content = np.fromfile(path, np.uint8)
    header = content[: _HEADER.itemsize].view(_HEADER)[0]
    end = _HEADER.itemsize + n * int(header["element_size"])
    rows = content[_HEADER.itemsize : end].reshape(n, -1)
    first, last = int(header["embedding_offset"]), int(header["label_offset"])
    kept = np.concatenate([rows[:, :first], rows[:, last:]], axis=1)
    _write(path, [content[: _HEADER.itemsize], kept, content[end:]])


def with_embeddings(
    path: Path, whole: Path, embeddings: np.ndarray, settings: IndexSettings
) -> bool:
    """Write a whole graph from one without its embeddings; False if the file holds none.

    Args:
        path: what `keep_links` wrote.
        whole: the file to write.
        embeddings: `[texts, width]`, of finite numbers.
        settings: that it was built with.
    """
    content = _mapped(path)
    (n, width), m = embeddings.shape, _m_of(settings)
    kept = _row_type(0, m)
    end = _HEADER.itemsize + n * kept.itemsize
    if len(content) < end:
        return False
    links = content[_HEADER.itemsize : end].view(kept)
    if not (links["label"] < n).all():
        return False

    def rows() -> Iterator[np.ndarray]:
        for found, vectors in _with_theirs(links, embeddings, settings):
            made = np.empty(len(found), _row_type(width, m))
            for name in ("n_links", "deleted", "unused", "links", "label"):
                made[name] = found[name]
            made["embedding"] = vectors
            yield made.view(np.uint8)

    _write(whole, chain([content[: _HEADER.itemsize]], rows(), [content[end:]]))
    return True


def _mapped(path: Path) -> np.ndarray:
    """The bytes of a file, read as they are looked at."""
    if not path.stat().st_size:  # which cannot be mapped
        return np.zeros(0, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, "r"))


def _with_theirs(
    rows: np.ndarray, embeddings: np.ndarray, settings: IndexSettings
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of a graph, some at a time, with the embeddings of their texts as they are there."""
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        yield some, _in_graph(embeddings[some["label"]], settings)


def _write(path: Path, parts: Iterable[np.ndarray]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part.data)


def _m_of(settings: IndexSettings) -> int:
    return min(settings.hnsw_m, _MAX_M)


def _row_type(width: int, m: int) -> np.dtype:
    """What is kept of a text on level 0."""
    return np.dtype(
        [
            *(("n_links", "<u2"), ("deleted", "u1"), ("unused", "u1"), ("links", "<u4", (2 * m,))),
            *(("embedding", "<f4", (width,)), ("label", "<u8")),
        ]
    )


def _in_graph(embeddings: np.ndarray, settings: IndexSettings) -> np.ndarray:
    """Embeddings as hnswlib keeps them."""
    if settings.space != "cosine":
        return embeddings
    return embeddings / (np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-30)


def _levels(numbers: np.ndarray, n: int, m: int) -> Optional[np.ndarray]:
    """How many levels each text has above level 0, `[n]`; None if the sizes make no sense."""
    sizes, place = numbers.data, 0
    levels = np.zeros(n, int)
    for i in range(n):
        if place >= len(sizes):
            return None
        if size := sizes[place]:  # in bytes
            levels[i], rest = divmod(size, 4 * (1 + m))
            if rest:
                return None
        place += 1 + size // 4
    return levels if place == len(sizes) else None


def _upper_levels_lead_on(numbers: np.ndarray, levels: np.ndarray, m: int) -> bool:
    owners = np.repeat(np.arange(len(levels)), levels)  # of the lists of links, a level each
    first = np.cumsum(levels) - levels  # the list that is the first of each text
    starts = (owners + 1) + np.arange(len(owners)) * (1 + m)  # behind a size for each text
    lists = numbers[starts[:, None] + np.arange(1 + m)]
    own_levels = 1 + np.arange(len(owners)) - first[owners]
    return _leads_on(lists[:, 0], lists[:, 1:], levels, own_levels)


def _leads_on(
    counts: np.ndarray, links: np.ndarray, levels: np.ndarray, own_levels: np.ndarray
) -> bool:
    """Whether lists of links, `[lists, most]`, lead to texts that are on their level, `[lists]`."""
    if (counts > links.shape[1]).any():
        return False
    used = np.arange(links.shape[1]) < counts[:, None]
    found = links[used]
    if (found >= len(levels)).any():
        return False
    return bool((levels[found] >= np.repeat(own_levels, counts)).all())
