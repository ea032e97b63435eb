"""Texts and their embeddings in Milvus: on a server, or in Milvus Lite in a local folder.

A collection holds the corpora of one model, each in a partition of its own, which alone is
searched. An index that is built anew fills a new partition; the last step is one row of the
partition `catalogue`, which names it. Whatever happens before, searches find the earlier one.
"""

import atexit
import hashlib
import json
import re
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.config.schema import IndexSettings
from textzoo.data.corpus import Entry
from textzoo.errors import UserError
from textzoo.files import copy_files
from textzoo.index.milvus_connection import LOAD_SECONDS, Connection
from textzoo.index.text_index import MAX_TEXT_BYTES, Hit
from textzoo.progress import Work

_KEY, _TEXT, _EMBEDDING = "_key", "text", "_embedding"
_CATALOGUE = "catalogue"
_ROWS = 500  # sent at once: with the longest texts below the 64 MiB that a server takes
_HITS = 50_000  # asked for at once
_MAX_K = 16_384  # of Milvus


class MilvusIndex:
    """A corpus in a partition of a collection. Made by `create` or `load`.

    Attributes:
        made_from: what decides the embeddings, such as checksums.
        is_saved: whether it was committed, or read; changes are with Milvus at once.
    """

    def __init__(
        self, connection: Connection, settings: IndexSettings, name: str, made_from: dict[str, Any]
    ):
        self.made_from = made_from
        self.is_saved = False
        self._call = connection
        self._settings = settings
        self._name = name  # of the partition

    @classmethod
    def create(
        cls, settings: IndexSettings, width: int, made_from: dict[str, Any]
    ) -> "MilvusIndex":
        """An empty index, which `commit` puts in the place of the one that is there.

        Args:
            settings: with every name and path.
            width: of the embeddings.
            made_from: what decides the embeddings.

        Raises:
            UserError: Milvus does not answer, or the collection is that of another model.
        """
        call = Connection(settings)
        if not call("has_collection", settings.collection):
            _create_collection(call, settings, width)
        _check_collection(call, settings, width)
        call("load_collection", settings.collection, timeout=LOAD_SECONDS)
        index = cls(call, settings, "", made_from)
        if not call("has_partition", settings.collection, _CATALOGUE):
            index._create_partition(_CATALOGUE)
        earlier = index._committed()
        if earlier and earlier["made_from"]["model"] != made_from["model"]:
            raise UserError(
                f"index.collection: {settings.place}: holds texts embedded by model "
                f"{earlier['made_from']['model']}, received {made_from['model']}; choose another "
                "one with -o index.collection=NAME or index.partition=NAME"
            )
        index._drop_all_but(earlier["name"] if earlier else None)
        index._name = f"{settings.partition}__{secrets.token_hex(6)}"
        index._create_partition(index._name)
        return index

    @classmethod
    def load(cls, settings: IndexSettings, exported: bool = False) -> Optional["MilvusIndex"]:
        """The index that was committed; None if there is none.

        Args:
            settings: with every name and path.
            exported: whether to work on a copy of Milvus Lite's files, which it changes when it
                opens them; the copy is gone when the process ends.

        Raises:
            UserError: Milvus does not answer, or the collection is another one than expected.
        """
        if not settings.uri and not settings.lite_path.is_dir():
            return None
        if exported and not settings.uri:
            settings = _temporary_copy(settings)
        call = Connection(settings)
        if exported and not settings.uri:
            atexit.register(_remove, call, settings.lite_path.parent)
        if not call("has_collection", settings.collection):
            return None
        _check_collection(call, settings, None)
        call("load_collection", settings.collection, timeout=LOAD_SECONDS)
        index = cls(call, settings, "", {})
        return index if index._follow() else None

    def __len__(self) -> int:
        """How many texts there are."""
        collection = self._settings.collection
        if "lite" in self._call("get_server_version"):  # which counts the whole collection
            return self._call("get_partition_stats", collection, self._name)["row_count"]
        fields = {"output_fields": ["count(*)"], "partition_names": [self._name]}
        return self._call("query", collection, filter="", **fields)[0]["count(*)"]

    def add(self, entries: list[Entry], embeddings: np.ndarray) -> int:
        """Add entries, or replace those with their ids.

        Args:
            entries: the texts.
            embeddings: `[entries, width]`, of length 1.

        Returns:
            How many they are.
        """
        rows = [self._row(*row) for row in zip(entries, embeddings)]
        for part in Work("index", len(rows), "texts").over(rows, _ROWS):
            self._send(self._name, part)
        return len(rows)

    def delete(self, entries: list[Entry]) -> list[Entry]:
        """Delete the entries with these ids; returns those that were not there."""
        missing: list[Entry] = []
        collection = self._settings.collection
        for first in range(0, len(entries), _ROWS):
            chunk = {self._key(entry.id): entry for entry in entries[first : first + _ROWS]}
            keys = list(chunk)
            fields = {"output_fields": [_KEY], "partition_names": [self._name]}
            found = {row[_KEY] for row in self._call("get", collection, ids=keys, **fields)}
            missing += [entry for key, entry in chunk.items() if key not in found]
            self._call("delete", collection, ids=keys, partition_name=self._name)
        return missing

    def nearest(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]] = None
    ) -> list[list[Hit]]:
        """The nearest texts of each query, best first.

        Args:
            queries: `[queries, width]`, of length 1.
            k: how many; all that fulfil the filter come back when it is more.
            texts: of the queries, which are not looked at.

        Raises:
            UserError: Milvus does not answer, or does not understand the filter.
        """
        if k > _MAX_K:
            raise UserError(f"received {k} texts to find, expected at most {_MAX_K:,}")
        found: list[list[Hit]] = []
        step = max(1, _HITS // k)
        for first in range(0, len(queries), step):
            try:
                found += self._search(queries[first : first + step], k)
            except UserError as problem:
                name = self._name
                if not self._follow() or self._name == name:
                    where = self._settings.filter
                    raise UserError(
                        f"{problem}; index.filter: {where}" if where else f"{problem}"
                    ) from None
                found += self._search(queries[first : first + step], k)
        return found

    def commit(self) -> None:
        """Have searches of any process find this index, and remove the one before it."""
        collection = self._settings.collection
        self._call("flush", collection, timeout=LOAD_SECONDS)
        if not self._settings.uri:  # Milvus Lite builds the graph when it loads
            self._call("release_collection", collection)
        self._call("load_collection", collection, timeout=LOAD_SECONDS)
        facts = {"name": self._name, "made_from": self.made_from}
        if self._committed() != facts:
            content = json.dumps(facts)
            fields = self._call("describe_collection", collection)["fields"]
            vector = np.eye(1, _width(fields), dtype=np.float32)[0]
            row = {_KEY: self._settings.partition, _TEXT: content, _EMBEDDING: vector}
            self._send(_CATALOGUE, [row])
            self._call("flush", collection, timeout=LOAD_SECONDS)
            self._drop_all_but(self._name)
        self.is_saved = True

    def copy(self, folder: Path) -> None:
        """Copy Milvus Lite's files to `<folder>.db`, and close it; nothing if it is a server."""
        if not self._settings.uri:
            self._call.close()
            target = self._settings.model_copy(update={"path": folder}).lite_path
            copy_files(self._settings.lite_path, target, leave_out="LOCK")

    def _key(self, identity: str) -> str:
        # Milvus Lite has one row for each key in all partitions; a text may be longer than a key.
        return hashlib.sha256(f"{self._name}\0{identity}".encode()).hexdigest()

    def _row(self, entry: Entry, embedding: np.ndarray) -> dict[str, Any]:
        row = {**(entry.metadata or {}), _KEY: self._key(entry.id), _TEXT: entry.text}
        row[_EMBEDDING] = embedding
        return row if entry.id == entry.text else {"id": entry.id, **row}

    def _send(self, partition: str, rows: list[dict[str, Any]]) -> None:
        # Unlike an insert, an upsert may be repeated when nobody knows whether it arrived.
        self._call("upsert", self._settings.collection, rows, partition_name=partition)

    def _search(self, queries: np.ndarray, k: int) -> list[list[Hit]]:
        graph = {"ef": max(self._settings.ef, k)} if self._settings.index_type == "HNSW" else {}
        found = self._call(
            "search",
            self._settings.collection,
            data=list(queries),
            anns_field=_EMBEDDING,
            limit=k,
            filter=self._settings.filter or "",
            output_fields=[_TEXT],
            partition_names=[self._name],
            search_params={"params": graph},
        )
        squares = self._settings.space == "l2"  # of distances; else cosines
        return [
            [
                Hit(hit["entity"][_TEXT], 1 - hit["distance"] / 2 if squares else hit["distance"])
                for hit in hits
            ]
            for hits in found
        ]

    def _committed(self) -> Optional[dict[str, Any]]:
        """What the catalogue says of the corpus."""
        rows = self._call(
            "get",
            self._settings.collection,
            ids=[self._settings.partition],
            output_fields=[_TEXT],
            partition_names=[_CATALOGUE],
        )
        return json.loads(rows[0][_TEXT]) if rows else None

    def _follow(self) -> bool:
        """Take the partition that is committed now, if it has the same checkpoint's embeddings."""
        committed = self._committed()
        if committed is None:
            return False
        if self.made_from and committed["made_from"]["checkpoint"] != self.made_from["checkpoint"]:
            return False
        self._name, self.made_from = committed["name"], committed["made_from"]
        self.is_saved = True
        return True

    def _create_partition(self, name: str) -> None:
        self._call("create_partition", self._settings.collection, name)
        self._call.if_there("load_partitions", self._settings.collection, [name])

    def _drop_all_but(self, kept: Optional[str]) -> None:
        """Drop partitions of the corpus that were replaced, or whose build was interrupted."""
        collection = self._settings.collection
        ours = re.compile(re.escape(f"{self._settings.partition}__") + "[0-9a-f]{12}")
        for name in self._call("list_partitions", collection):
            if ours.fullmatch(name) and name != kept:
                self._call.if_there("release_partitions", collection, [name])
                self._call("drop_partition", collection, name)


def _create_collection(call: Connection, settings: IndexSettings, width: int) -> None:
    from pymilvus import DataType

    schema = call.client.create_schema(enable_dynamic_field=True)
    schema.add_field(_KEY, DataType.VARCHAR, is_primary=True, max_length=256)
    schema.add_field(_TEXT, DataType.VARCHAR, max_length=MAX_TEXT_BYTES)
    schema.add_field(_EMBEDDING, DataType.FLOAT_VECTOR, dim=width)
    call("create_collection", settings.collection, schema=schema, consistency_level="Strong")


def _create_graph(call: Connection, settings: IndexSettings) -> None:
    graph = call.client.prepare_index_params()
    form = _index_form(settings)
    kinds = {key: form.pop(key) for key in ("index_type", "metric_type")}
    # As one parameter: Milvus Lite overlooks single ones.
    params = {"params": form} if form else {}
    graph.add_index(_EMBEDDING, index_name=_EMBEDDING, params=params, **kinds)
    call("create_index", settings.collection, graph)


def _index_form(settings: IndexSettings) -> dict[str, Any]:
    form: dict[str, Any] = {
        "index_type": settings.index_type,
        "metric_type": settings.space.upper(),
    }
    if settings.index_type == "HNSW":
        form |= {"M": settings.hnsw_m, "efConstruction": settings.ef_construction}
    return form


def _check_collection(call: Connection, settings: IndexSettings, width: Optional[int]) -> None:
    """Refuse a collection of something else, or of another width or form; complete a new one."""
    way_out = "choose another one with -o index.collection=NAME"
    fields = call("describe_collection", settings.collection)["fields"]
    if not {_KEY, _TEXT, _EMBEDDING} <= {field["name"] for field in fields}:
        raise UserError(
            f"index.collection: {settings.collection} was not made by textzoo; {way_out}"
        )
    if not call("list_indexes", settings.collection):  # it is new, or was interrupted when new
        _create_graph(call, settings)
    index = call("describe_index", settings.collection, _EMBEDDING)
    there = {"width": _width(fields), **index, **(index.get("params") or {})}
    expected = {"width": width or there["width"], **_index_form(settings)}
    differing = [
        f"{key} {there[key]}, received {value}"
        for key, value in expected.items()
        if key in there and str(there[key]) != str(value)
    ]
    if differing:
        raise UserError(
            f"index.collection: {settings.collection} has {'; '.join(differing)}; {way_out}, or "
            f"drop it{'' if settings.uri else f': delete {settings.lite_path}'}"
        )


def _width(fields: list[dict[str, Any]]) -> int:
    return next(int(field["params"]["dim"]) for field in fields if field["name"] == _EMBEDDING)


def _temporary_copy(settings: IndexSettings) -> IndexSettings:
    try:
        copy = Path(tempfile.mkdtemp(prefix="textzoo-")) / "index"
        copied = settings.model_copy(update={"path": copy})
        copy_files(settings.lite_path, copied.lite_path)
        return copied
    except OSError as failure:
        raise UserError(
            f"{settings.lite_path}: cannot be copied to {tempfile.gettempdir()}: "
            f"{failure.strerror}; the variable TMPDIR chooses another folder"
        ) from None


def _remove(connection: Connection, folder: Path) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)
