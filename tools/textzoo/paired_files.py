"""Texts and labels in two files, line by line, as AttentionXML keeps them."""

from itertools import zip_longest
from pathlib import Path
from typing import Optional

from textzoo.cache import Cache, file_digest, fill_once
from textzoo.errors import UserError
from textzoo.reading import data_files, decode_line

_TEXTS = ("_raw_texts.txt", "_texts.txt")


def input_files(path: Path, key: str, settings: Cache) -> list[Path]:
    """The files behind a config key, each with one row per line.

    A file `X_texts.txt` or `X_raw_texts.txt` that lies beside an `X_labels.txt` stands for both:
    they are joined to lines `labels<TAB>text` in the cache.

    Raises:
        UserError: there is no such path or no file in it, or two files differ in length.
    """
    files = data_files(path, key)
    pairs = {file: labels for file in files if (labels := _labels_file(file))}
    return [
        _joined(file, pairs[file], settings) if file in pairs else file
        for file in files
        if file not in pairs.values()
    ]


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
