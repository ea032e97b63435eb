"""The files behind a config key, whatever form they have, as files of one row a line."""

import uuid
from itertools import zip_longest
from pathlib import Path
from typing import Optional

from textzoo.cache import Cache, file_digest, fill_once
from textzoo.errors import UserError
from textzoo.reading import data_files, decode_line
from textzoo.streams import STANDARD_INPUT, copy_stream, is_compressed

_TEXTS = ("_raw_texts.txt", "_texts.txt")


def input_files(path: Path, key: str, settings: Cache) -> list[Path]:
    """The files behind a config key, each with one row per line.

    A compressed file, and standard input if the path is `-`, stands in the cache as it is when
    decompressed. A file `X_texts.txt` or `X_raw_texts.txt` that lies beside an `X_labels.txt`
    stands for both: they are joined to lines `labels<TAB>text` in the cache.

    Raises:
        UserError: there is no such path or no file in it, or two files differ in length.
    """
    if path == STANDARD_INPUT:
        return [_standard_input(settings)]
    files = data_files(path, key)
    pairs = {file: labels for file in files if (labels := _labels_file(file))}
    return [
        _joined(file, pairs[file], settings) if file in pairs else _plain(file, settings)
        for file in files
        if file not in pairs.values()
    ]


def _plain(file: Path, settings: Cache) -> Path:
    if not is_compressed(file):
        return file
    folder = settings.folder / f"plain-{file_digest(file)[:32]}"
    fill_once(folder, lambda temporary: copy_stream(file, temporary / file.name))
    return next(folder.iterdir())


def _standard_input(settings: Cache) -> Path:
    """What standard input holds, as a file: rows are looked up in it again."""
    folder = settings.folder / f"stdin-{uuid.uuid4().hex}"
    fill_once(folder, lambda temporary: copy_stream(STANDARD_INPUT, temporary / "standard_input"))
    return folder / "standard_input"


def _labels_file(texts: Path) -> Optional[Path]:
    for ending in _TEXTS:
        if texts.name.endswith(ending):
            labels = texts.with_name(texts.name.removesuffix(ending) + "_labels.txt")
            return labels if labels.is_file() else None
    return None


def _joined(texts: Path, labels: Path, settings: Cache) -> Path:
    name = f"{texts.stem}.tsv"
    folder = settings.folder / f"joined-{file_digest(texts)[:32]}-{file_digest(labels)[:32]}"

    def fill(temporary: Path) -> None:
        with (
            texts.open("rb") as text_lines,
            labels.open("rb") as label_lines,
            (temporary / name).open("w", encoding="utf-8", newline="\n") as file,
        ):
            for number, pair in enumerate(zip_longest(text_lines, label_lines), start=1):
                if None in pair:
                    shorter, longer = (labels, texts) if pair[1] is None else (texts, labels)
                    raise UserError(
                        f"{longer}:{number}: has no counterpart: {shorter} ends before; expected "
                        "line n of one to belong to line n of the other"
                    )
                text = decode_line(pair[0], texts, number).replace("\t", " ")
                file.write(f"{decode_line(pair[1], labels, number).strip()}\t{text}\n")

    fill_once(folder, fill)
    return folder / name
