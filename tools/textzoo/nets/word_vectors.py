"""Word vectors from a file of word2vec, GloVe or fastText, in their text form."""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from textzoo.called import command
from textzoo.errors import UserError
from textzoo.files import how_to_fetch
from textzoo.text.streams import existing_file

_KEY = "hyper_parameters.embedding.file"


def read_word_vectors(path: Path, words: dict[str, int], width: int) -> tuple[np.ndarray, int]:
    """The vectors that a file has for these words.

    A line is a word and its numbers, separated by spaces; a first line of two integers, as
    word2vec writes it, is passed over. The file may be gzipped.

    Args:
        path: the file.
        words: the id of each word.
        width: numbers per vector.

    Returns:
        `[words, width]`, with NaN for words that the file lacks; and how many it has.

    Raises:
        UserError: the file cannot be read, or a line is malformed or of another width.
    """
    vectors = np.full((len(words), width), np.nan, "float32")
    found = set()
    for number, line in _lines(path):
        fields = line.split(" ")
        if number == 1 and len(fields) == 2 and all(map(str.isdecimal, fields)):
            continue
        # Counted from the end: GloVe has words with spaces in them.
        word, numbers = " ".join(fields[:-width]), fields[-width:]
        if not word or (len(fields) > width + 1 and _is_number(fields[-width - 1])):
            raise UserError(
                f"{path}:{number}: received {len(fields) - 1} numbers, expected a word and "
                f"{width} numbers: hyper_parameters.emb_dim and the file must agree"
            )
        if word not in words or word in found:
            continue
        try:
            vector = np.array(numbers, "float32")
        except ValueError as problem:
            raise UserError(f"{path}:{number}: {problem}; expected {width} numbers") from None
        if not np.isfinite(vector).all():
            raise UserError(f"{path}:{number}: received a number that is not finite")
        vectors[words[word]] = vector
        found.add(word)
    return vectors, len(found)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers, of a file that may be gzipped."""
    number = 0
    if not os.path.lexists(path) and not how_to_fetch(path):
        raise UserError(
            f"{_KEY}: no such file: {path}; train it on your texts with: "
            f"{command('word_vectors')} -m CONFIG"
        )
    existing_file(path, _KEY)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8").rstrip()
                if text:
                    yield number, text
    except UnicodeDecodeError:
        raise UserError(
            f"{path}:{number}: is not UTF-8; expected the text form of word vectors, "
            "not a binary one"
        ) from None
    except (EOFError, zlib.error):
        raise UserError(f"{path}: the gzipped file is damaged after line {number}") from None
    except OSError as failure:
        raise UserError(f"{_KEY}: {path}: {failure.strerror or failure}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
