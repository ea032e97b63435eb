"""The files behind a config key, whatever form they have, as files of rows, or of texts."""

import logging
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Optional

from textzoo.config.checking import Config
from textzoo.data.cache import Cache, kept_files
from textzoo.data.encoding import Refusals, good_lines
from textzoo.errors import UserError
from textzoo.files import version
from textzoo.text.layout import Layout
from textzoo.text.lines import (
    Line,
    Refused,
    data_files,
    decode_line,
    one_line,
    read_lines,
    stop,
)
from textzoo.text.reader import Reader, Side
from textzoo.text.records import layout_of, read_rows, text_field, text_layout
from textzoo.text.streams import (
    STANDARD_INPUT,
    copy_stream,
    existing_file,
    is_compressed,
    open_stream,
    place_of_copy,
)

log = logging.getLogger("textzoo")

_TEXTS = ("_raw_texts.txt", "_texts.txt")


def input_files(path: Path, key: str, settings: Cache) -> list[Path]:
    """The files behind a config key, as rows can be looked up in them.

    A compressed file, and standard input if the path is `-`, stands in the cache as it is when
    decompressed; Parquet as JSON Lines. A file `X_texts.txt` or `X_raw_texts.txt` that lies beside
    an `X_labels.txt` stands for both: they are joined to lines `labels<TAB>text` in the cache.

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
    compressed = version(file)
    folder = settings.folder / f"plain-{compressed.sha256[:32]}"
    settings.fill(folder, lambda place: copy_stream(file, place / file.name), [compressed])
    return kept_files(folder)[0]


def _standard_input(settings: Cache) -> Path:
    """What standard input holds, as a file: rows are looked up in it again."""
    copy = place_of_copy(settings.folder)
    settings.fill(copy.parent, lambda temporary: copy_stream(STANDARD_INPUT, temporary / copy.name))
    return copy


def _labels_file(texts: Path) -> Optional[Path]:
    for ending in _TEXTS:
        if texts.name.endswith(ending):
            labels = texts.with_name(texts.name.removesuffix(ending) + "_labels.txt")
            return labels if labels.is_file() else None
    return None


def _joined(texts: Path, labels: Path, settings: Cache) -> Path:
    name = f"{texts.stem}.tsv"
    sources = [version(texts), version(labels)]
    folder = settings.folder / "-".join(["joined", *(file.sha256[:32] for file in sources)])

    def fill(temporary: Path) -> None:
        with (
            open_stream(texts) as text_lines,
            open_stream(labels) as label_lines,
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

    settings.fill(folder, fill, sources)
    return folder / name


def tell_layouts(files: list[Path], reader: Reader, said: Optional[set[str]] = None) -> None:
    """Say in the log how files are read; each way once, and nothing of plain lines.

    Args:
        files: of rows.
        reader: that they are for.
        said: what is said already.

    Raises:
        UserError: a file's columns are not known.
    """
    said = set() if said is None else said
    for line in [*reader.outdated, *(layout_of(file, reader).described for file in files)]:
        if line and line not in said:
            said.add(line)
            log.info("%s", line)


def lines_of(path: Path, key: str, blank: bool = False, refused: Refused = stop) -> Iterator[Line]:
    """The lines of a file that a key or an option names; see `read_lines`.

    Raises:
        UserError: there is no such file.
    """
    return read_lines(existing_file(path, key), refused=refused, blank=blank)


def texts_of(
    path: Path, key: str, reader: Reader, side: Side = "query", blank: bool = False
) -> Iterator[Line]:
    """The lines of a file of texts, or the texts of a column, if its name says that it has columns.

    Args:
        path: the file.
        key: of the config, or the option, that gave it.
        reader: which says what columns of texts are called.
        side: which of a pair's texts they are.
        blank: whether blank lines of a file without columns are given too.

    Raises:
        UserError: there is no such file, or its column is not known.
    """
    layout = text_layout(existing_file(path, key), text_field(reader, side))
    if layout.kind == "lines":
        return read_lines(path, blank=blank)
    log.info("%s", layout.described)
    return read_rows(layout, path)


def pair_lines(files: list[Path], key: str, reader: Reader, refused: Refused) -> Iterator[Line]:
    """The lines of files of pairs, blank ones too; of files with columns, query and title.

    Args:
        files: the files, or standard input.
        key: of the config, or the option, that gave them.
        reader: which says what these columns are called.
        refused: told of each malformed line.

    Raises:
        UserError: there is no such file, or its columns are not known.
    """
    for file in files:
        layout = pair_layout(existing_file(file, key), reader)
        if layout.kind == "lines":
            yield from lines_of(file, key, True, refused)
        else:
            log.info("%s", layout.described)
            yield from read_rows(layout, file, refused=refused)


def pair_layout(path: Path, reader: Reader) -> Layout:
    """The layout of a file of pairs, be they of the same meaning or not.

    Raises:
        UserError: its columns are not known.
    """
    fields = tuple(field._replace(alone=()) for field in reader.fields[:2])
    return layout_of(path, reader, fields if len(fields) > 1 else ())


def read_texts(path: Path, key: str, reader: Reader) -> list[str]:
    """The different texts of a file, without tabs; see `texts_of`.

    Raises:
        UserError: there is no such file, or no text in it.
    """
    texts = list(dict.fromkeys(one_line(line.text) for line in texts_of(path, key, reader)))
    texts = [text for text in texts if text]
    if not texts:
        raise UserError(f"{key}: {path}: received no text, expected one a line")
    return texts


def test_pair_files(config: Config, instead: Optional[str] = None) -> list[Path]:
    """The files of the test pairs.

    Args:
        config: names them.
        instead: the option, if any, that takes another file.

    Raises:
        UserError: the config names none, or they are not there.
    """
    if config.runner.test_data is None:
        option = f", or {instead} FILE" if instead else ""
        raise UserError(f"{config.path}: runner.test_pair_file: missing; expected a path{option}")
    return data_files(config.runner.test_data, "runner.test_pair_file")


def test_queries(config: Config, reader: Reader) -> list[str]:
    """The different queries of the test pairs.

    Raises:
        UserError: a line is malformed, unless these are skipped; or there is no pair.
    """
    files, refusals = test_pair_files(config, "--queries"), Refusals(config.runner.bad_lines)
    tell_layouts(files, reader)
    queries = list(dict.fromkeys(pair.query for _, pair in good_lines(files, reader, refusals)))
    refusals.log(files[0])
    if not queries:
        raise UserError(f"runner.test_pair_file: {files[0]}: received no pair, expected one a line")
    return queries
