"""Text files to ids, a chunk of lines at a time, on all cores."""

import logging
import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Optional

import numpy as np

from textzoo.config.model_folder import restore_package
from textzoo.devices import usable_cores
from textzoo.errors import BadLine, UserError
from textzoo.progress import Work
from textzoo.text.layout import Layout
from textzoo.text.lines import MAX_LINE_BYTES, Line, Refused, split_lines, stop
from textzoo.text.ragged import Columns
from textzoo.text.reader import Reader, encoded_lines
from textzoo.text.records import layout_of, read_rows, row_starts
from textzoo.text.streams import named, open_stream

log = logging.getLogger("textzoo")

_CHUNK_BYTES = 1 << 18
_MANY_CHUNKS = 400  # from here on several processes are done before one is
_AHEAD = 4  # chunks per process that wait to be written


class Chunk(NamedTuple):
    """Some whole rows of a file: where they start and how long they are, in bytes."""

    path: Path
    layout: Layout
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
    work = Work(f"encoding {_named(files)}", unit="MB")
    for chunk, part in _over_chunks(
        encode_chunk, files, reader, (training, bad_lines), workers, work
    ):
        work.update(chunk.size / 1e6, rows=len(part.places))
        yield part


def counted_parts(files: list[Path], reader: Reader, bad_lines: str, workers: int = 0) -> Iterator:
    """What `reader.count` gives for the lines of each chunk of these files, in their order.

    Raises:
        UserError: naming the first malformed line.
    """
    work = Work(f"vocabulary of {_named(files)}", unit="MB")
    for chunk, count in _over_chunks(count_chunk, files, reader, (bad_lines,), workers, work):
        work.update(chunk.size / 1e6)
        yield count


def _named(files: list[Path]) -> str:
    return str(named(files[0])) if len(files) == 1 else f"{len(files)} files"


def _over_chunks(
    function: Callable,
    files: list[Path],
    reader: Reader,
    settings: tuple,
    workers: int,
    work: Work,
) -> Iterator[tuple[Chunk, Any]]:
    """Each chunk of the files with what the function gives for it, in their order."""
    with work:
        places = enumerate(files)
        chunks = [chunk for place, path in places for chunk in _chunks(path, place, reader)]
        work.total = sum(chunk.size for chunk in chunks) / 1e6
        results = _results(function, chunks, reader, settings, workers)
        yield from ((chunk, result) for result, chunk in zip(results, chunks))


def _results(
    function: Callable, chunks: list[Chunk], reader: Reader, settings: tuple, workers: int
) -> Iterator:
    # The first one here: from it, a reader may learn what the others are like.
    yield from (function(chunk, reader, *settings) for chunk in chunks[:1])
    if not workers:
        workers = usable_cores() if len(chunks) >= _MANY_CHUNKS else 1
    pickled = _pickled(function, reader, settings) if workers > 1 else None
    if pickled is None:
        yield from (function(chunk, reader, *settings) for chunk in chunks[1:])
        return
    # A new interpreter for each process: this one may have threads, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (pickled,))
    try:
        waiting: deque = deque()
        for chunk in chunks[1:]:
            with _without_main():  # it starts a process if all are at work
                waiting.append(pool.submit(_work, chunk))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError(
            "a process that encodes text was ended, perhaps as memory ran out: "
            "-o runner.num_workers=1 encodes in this one"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """Have a process that starts meanwhile not run the program first that started this one.

    A script that trains in its body would train again, and `spawn` ends it for that.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class Refusals:
    """What becomes of malformed lines: the first one stops the run, or each is counted.

    Args:
        bad_lines: "error" or "skip".
    """

    def __init__(self, bad_lines: str):
        self.count = 0
        self._skip = bad_lines == "skip"

    def __call__(self, problem: UserError) -> None:
        """Refuse a line.

        Raises:
            UserError: the problem, unless such lines are skipped.
        """
        if not self._skip:
            raise UserError(
                f"{problem}\n(-o runner.bad_lines=skip skips such lines and counts them)"
            ) from None
        self.count += 1

    def log(self, place: Path) -> None:
        """Say how many lines of a file or folder were skipped, if any were."""
        if self.count:
            log.warning(
                "%s: %d malformed line(s) skipped (runner.bad_lines: skip)",
                named(place),
                self.count,
            )


def encode_chunk(chunk: Chunk, reader: Reader, training: bool, bad_lines: str) -> Part:
    """Encode a chunk at once; where a line is malformed, line by line."""
    try:
        texts, places = _all_lines(chunk)
        return Part(encoded_lines(reader, texts, training), places, 0)
    except (BadLine, UserError):
        pass  # whatever it is will be named by its line
    refusals = Refusals(bad_lines)
    lines = _lines_of(chunk, refusals)
    good = [line for line, _ in _good(lines, lambda text: reader.encode(text, training), refusals)]
    places = [(chunk.file, line.start, line.number) for line in good]
    columns = encoded_lines(reader, [line.text for line in good], training)
    return Part(columns, np.array(places, np.int64).reshape(-1, 3), refusals.count)


def count_chunk(chunk: Chunk, reader: Reader, bad_lines: str) -> Any:
    """What `reader.count` gives for the lines of a chunk that are not malformed."""
    try:
        return reader.count(_all_lines(chunk)[0])
    except (BadLine, UserError):
        pass  # whatever it is will be named by its line
    refusals = Refusals(bad_lines)
    lines = _lines_of(chunk, refusals)
    good = _good(lines, lambda text: reader.count([text]), refusals)
    return reader.count([line.text for line, _ in good])


def _all_lines(chunk: Chunk) -> tuple[list[str], np.ndarray]:
    """The rows of a chunk as lines, and their places, see `Part`.

    Raises:
        BadLine: one of them is no text.
        UserError: the file cannot be read, or a record is malformed.
    """
    if chunk.layout.kind == "CSV":
        lines = list(_lines_of(chunk, stop))
        places = [(chunk.file, line.start, line.number) for line in lines]
        return [line.text for line in lines], np.array(places, np.int64).reshape(-1, 3)
    if chunk.size > _CHUNK_BYTES + MAX_LINE_BYTES:
        raise BadLine(f"received a line of more than {MAX_LINE_BYTES} bytes")
    with open_stream(chunk.path) as file:
        file.seek(chunk.start)
        texts, starts, numbers = split_lines(file.read(chunk.size))
    if len(starts) and chunk.start + starts[0] == chunk.layout.header:
        texts, starts, numbers = texts[1:], starts[1:], numbers[1:]
    places = np.empty((len(texts), 3), np.int64)
    places[:, 0] = chunk.file
    places[:, 1] = chunk.start + starts
    places[:, 2] = chunk.number + numbers
    return chunk.layout.lines(texts), places


def _lines_of(chunk: Chunk, refused: Refused) -> Iterator[Line]:
    place = (chunk.path, chunk.start, chunk.size, chunk.number)
    return read_rows(chunk.layout, *place, refused=refused)


def good_lines(
    files: Iterable[Path], reader: Reader, refused: Refused, encode: Optional[Callable] = None
) -> Iterator[tuple[Line, Any]]:
    """Each line that is not malformed, with what `encode` makes of it.

    Args:
        files: the files.
        reader: what the lines are for.
        refused: told of each malformed line, such as `Refusals`.
        encode: default: `reader.parse`.
    """
    for path in files:
        lines = read_rows(layout_of(path, reader), path, refused=refused)
        yield from _good(lines, encode or reader.parse, refused)


def _good(
    lines: Iterable[Line], encode: Callable[[str], Any], refused: Refused
) -> Iterator[tuple[Line, Any]]:
    for line in lines:
        try:
            encoded = encode(line.text)
        except BadLine as problem:
            refused(UserError(f"{line.place}: {problem}"))
        else:
            yield line, encoded


def _chunks(path: Path, place: int, reader: Reader) -> Iterator[Chunk]:
    """Cut a file after the line, or the record, that each so many bytes end in."""
    layout = layout_of(path, reader)
    if layout.kind == "CSV":
        yield from _record_chunks(path, place, layout)
        return
    try:
        with open_stream(path) as file:
            start, number = 0, 1
            while block := file.read(_CHUNK_BYTES):
                first = start, number
                while block:
                    start += len(block)
                    number += block.count(b"\n")
                    block = b"" if block.endswith(b"\n") else file.readline(_CHUNK_BYTES)
                yield Chunk(path, layout, place, first[0], start - first[0], first[1])
    except OSError as failure:
        raise UserError(f"{path}: cannot be read: {failure.strerror}") from None


def _record_chunks(path: Path, place: int, layout: Layout) -> Iterator[Chunk]:
    first = (0, 1)
    for line in row_starts(layout, path):
        if line.start - first[0] >= _CHUNK_BYTES:
            yield Chunk(path, layout, place, first[0], line.start - first[0], first[1])
            first = line.start, line.number
    yield Chunk(path, layout, place, first[0], path.stat().st_size - first[0], first[1])


def _pickled(work: Callable, reader: Reader, settings: tuple) -> Optional[bytes]:
    """What another process needs to work with a reader; None if its state cannot be sent.

    That is so of what the program itself defines, which the process does not run.
    """
    package = type(reader).__module__.partition(".")[0]
    folders = getattr(sys.modules.get(package), "__path__", [None])
    try:
        task = pickle.dumps((work, reader, settings))
        return None if b"__main__" in task else pickle.dumps((package, folders[0], task))
    except Exception:  # a reader of the user's own may hold anything
        return None


_worker: tuple


def _start_worker(pickled: bytes) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one sees to it
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # each core has a process of its own
    package, folder, task = pickle.loads(pickled)
    restore_package(package, folder)
    _worker = pickle.loads(task)


def _work(chunk: Chunk) -> Any:
    work, reader, settings = _worker
    return work(chunk, reader, *settings)
