"""Text files to ids, a chunk of lines at a time, on all cores."""

import multiprocessing
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from textzoo.config.model_folder import restore_package
from textzoo.devices import usable_cores
from textzoo.errors import BadLine, UserError
from textzoo.text.lines import MAX_LINE_BYTES, Line, read_lines, split_lines
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Reader

_CHUNK_BYTES = 1 << 18
_MANY_CHUNKS = 400  # from here on several processes are done before one is
_AHEAD = 4  # chunks per process that wait to be written


class Chunk(NamedTuple):
    """Some whole lines of a file: where they start and how long they are, in bytes."""

    path: Path
    file: int  # its place in the list of files
    start: int
    size: int
    number: int  # of the first line, from 1


class Part(NamedTuple):
    """The encoded rows of a chunk.

    Attributes:
        columns: the ids of each column.
        places: `[rows, 3]` file, start and number of each row's line.
        skipped: how many malformed lines were left out.
    """

    columns: Columns
    places: np.ndarray
    skipped: int


def encoded_parts(
    files: list[Path], reader: Reader, training: bool, bad_lines: str, workers: int = 0
) -> Iterator[Part]:
    """The rows of these files in their order, as `reader.encode` gives them.

    Args:
        files: text files, one row a line.
        reader: with its vocabulary.
        training: whether the rows are trained on.
        bad_lines: a malformed line is an "error", or to "skip".
        workers: processes that encode; 0: one per core where there is much text.

    Raises:
        UserError: naming the first malformed line.
    """
    return _over_chunks(encode_chunk, files, reader, (training, bad_lines), workers)


def counted_parts(files: list[Path], reader: Reader, bad_lines: str, workers: int = 0) -> Iterator:
    """What `reader.count` gives for the lines of each chunk of these files, in their order.

    Raises:
        UserError: naming the first malformed line.
    """
    return _over_chunks(count_chunk, files, reader, (bad_lines,), workers)


def _over_chunks(
    work: Callable, files: list[Path], reader: Reader, settings: tuple, workers: int
) -> Iterator:
    chunks = [chunk for place, path in enumerate(files) for chunk in _chunks(path, place)]
    # The first one here: from it, a reader may learn what the others are like.
    yield from (work(chunk, reader, *settings) for chunk in chunks[:1])
    if not workers:
        workers = usable_cores() if len(chunks) >= _MANY_CHUNKS else 1
    pickled = _pickled(work, reader, settings) if workers > 1 else None
    if pickled is None:
        yield from (work(chunk, reader, *settings) for chunk in chunks[1:])
        return
    # A new interpreter for each process: this one may have threads, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (pickled,))
    try:
        waiting: deque = deque()
        for chunk in chunks[1:]:
            waiting.append(pool.submit(_work, chunk))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def encode_chunk(chunk: Chunk, reader: Reader, training: bool, bad_lines: str) -> Part:
    """Encode a chunk at once; where a line is malformed, line by line."""
    try:
        if part := _encode_at_once(chunk, reader, training):
            return part
    except (BadLine, UnicodeDecodeError):
        pass  # whatever it is will be named by its line
    header = _is_header(chunk, reader)
    places, rows, skipped = [], [], 0
    lines = read_lines(chunk.path, chunk.start, chunk.size, chunk.number)
    for line in islice(lines, header, None):
        try:
            rows.append(reader.encode(line.text, training))
        except BadLine as problem:
            if bad_lines != "skip":
                raise malformed(line.place, problem) from None
            skipped += 1
            continue
        places.append((chunk.file, line.start, line.number))
    columns = {name: Ragged.of([row[name] for row in rows]) for name in reader.columns}
    return Part(columns, np.array(places, np.int64).reshape(-1, 3), skipped)


def malformed(place: str, problem: BadLine) -> UserError:
    """What stops a run that is not to skip malformed lines."""
    return UserError(
        f"{place}: {problem}\n(-o runner.bad_lines=skip skips such lines and counts them)"
    )


def _encode_at_once(chunk: Chunk, reader: Reader, training: bool) -> Optional[Part]:
    with chunk.path.open("rb") as file:
        file.seek(chunk.start)
        texts, starts, sizes, numbers = split_lines(file.read(chunk.size))
    if sizes.max(initial=0) > MAX_LINE_BYTES:
        return None
    header = _is_header(chunk, reader)
    columns = reader.encode_many(texts[header:], training)
    places = np.empty((len(texts) - header, 3), np.int64)
    places[:, 0] = chunk.file
    places[:, 1] = chunk.start + starts[header:]
    places[:, 2] = chunk.number + numbers[header:]
    return Part(columns, places, 0)


def _is_header(chunk: Chunk, reader: Reader) -> bool:
    return chunk.number == 1 and reader.has_header


def _chunks(path: Path, place: int) -> Iterator[Chunk]:
    """Cut a file after the line end that follows each so many bytes."""
    try:
        with path.open("rb") as file:
            start, number = 0, 1
            while block := file.read(_CHUNK_BYTES):
                block += file.readline(MAX_LINE_BYTES + 1)
                yield Chunk(path, place, start, len(block), number)
                start += len(block)
                number += block.count(b"\n")
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def count_chunk(chunk: Chunk, reader: Reader, bad_lines: str) -> Any:
    """What `reader.count` gives for the lines of a chunk that are not malformed."""
    try:
        with chunk.path.open("rb") as file:
            file.seek(chunk.start)
            texts, _, sizes, _ = split_lines(file.read(chunk.size))
        if sizes.max(initial=0) <= MAX_LINE_BYTES:
            return reader.count(texts[_is_header(chunk, reader) :])
    except (BadLine, UnicodeDecodeError):
        pass  # whatever it is will be named by its line
    lines = read_lines(chunk.path, chunk.start, chunk.size, chunk.number)
    good = []
    for line in islice(lines, _is_header(chunk, reader), None):
        try:
            reader.count([line.text])
        except BadLine as problem:
            if bad_lines != "skip":
                raise malformed(line.place, problem) from None
            continue
        good.append(line.text)
    return reader.count(good)


def _pickled(work: Callable, reader: Reader, settings: tuple) -> Optional[bytes]:
    """What another process needs to work with a reader; None if its state cannot be sent."""
    package = type(reader).__module__.partition(".")[0]
    folders = getattr(sys.modules.get(package), "__path__", [None])
    try:
        return pickle.dumps((package, folders[0], pickle.dumps((work, reader, settings))))
    except Exception:  # a reader of the user's own may hold anything
        return None


_worker: tuple


def _start_worker(pickled: bytes) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one sees to it
    package, folder, task = pickle.loads(pickled)
    restore_package(package, folder)
    _worker = pickle.loads(task)


def _work(chunk: Chunk) -> Any:
    work, reader, settings = _worker
    return work(chunk, reader, *settings)


def good_lines(files: list[Path], reader: Reader, bad_lines: str) -> Iterator[tuple[Line, Any]]:
    """Each line that is not malformed, with what `reader.parse` makes of it.

    Raises:
        UserError: naming the first malformed line, unless these are to be skipped.
    """
    for path in files:
        for line in islice(read_lines(path), int(reader.has_header), None):
            try:
                parsed = reader.parse(line.text)
            except BadLine as problem:
                if bad_lines != "skip":
                    raise malformed(line.place, problem) from None
                continue
            yield line, parsed
