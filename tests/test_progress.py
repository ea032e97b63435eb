import logging
import threading
import time

import pytest
from harness.workspace import MODELS, Workspace

from textzoo.errors import OutputLost
from textzoo.progress import Work, interval, rate, tell_every

LOG = logging.getLogger("textzoo")
CORPUS = f"runner.corpus_file={MODELS['batchneg'].folder / 'data' / 'corpus.txt'}"
TIMEOUT = 60  # seconds; only a thread that has ended comes near it


class Lines(logging.Handler):
    """The lines of the log; some wait for the next one."""

    def __init__(self):
        super().__init__()
        self.told, self._came = [], threading.Condition()

    def emit(self, record):
        with self._came:
            self.told.append(record.getMessage())
            self._came.notify_all()

    def wait_for(self, wanted):
        with self._came:
            assert self._came.wait_for(lambda: any(map(wanted, self.told)), TIMEOUT), self.told


@pytest.fixture
def lines():
    """The lines of the log, with one every hundredth of a second of work."""
    before = tell_every(0.01)
    handler = Lines()
    LOG.addHandler(handler)
    yield handler
    LOG.removeHandler(handler)
    tell_every(before)


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock as a list of one number."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


# ------------------------------------------------------------------ what a line says


def test_a_line_tells_what_is_done_how_fast_and_what_time_is_left(clock):
    work = Work("evaluation", 400)
    clock[0] += 30
    work.update(100)
    work.update(50)
    assert work.line() == "evaluation: 150 of 400 rows  5.00 rows/s  left 00:50"


def test_slow_work_has_decimals_and_fast_work_none(clock):
    assert (rate(0.125, "rows"), rate(9.5, "rows")) == ("0.12 rows/s", "9.50 rows/s")
    assert (rate(10.4, "texts"), rate(12345.6, "texts")) == ("10 texts/s", "12346 texts/s")
    assert (interval(65), interval(3725)) == ("01:05", "1:02:05")


def test_rows_are_told_where_something_else_is_counted(clock):
    work = Work("encoding", 40, "MB")
    clock[0] += 10
    work.update(10, rows=5000)
    work.update(10, rows=1000)
    assert work.line() == "encoding: 20 of 40 MB  600 rows/s  left 00:10"
    assert "0.0831 MB" in Work("encoding", 0.08312, "MB").line()


def test_work_of_unknown_size_tells_its_speed(clock):
    work = Work("counting", unit="texts")
    clock[0] += 2
    work.update(50)
    assert work.line() == "counting: 50 texts  25 texts/s"


def test_before_anything_is_done_a_line_tells_for_how_long(clock):
    work = Work("linear: fit to 9 rows", 3, "labels")
    clock[0] += 75
    assert work.line() == "linear: fit to 9 rows: 3 labels, at work for 01:15"
    assert Work("loading").line() == "loading: at work for 00:00"


def test_parts_of_items_are_done_when_the_next_ones_are_asked_for(clock):
    work, seen = Work("work", 5), []
    for part in work.over([1, 2, 3, 4, 5], 2):
        seen.append(part)
        clock[0] += 1
        if len(seen) == 3:
            assert work.line() == "work: 4 of 5 rows  1.33 rows/s  left 00:00"
    assert seen == [[1, 2], [3, 4], [5]]
    assert work.line().startswith("work: 5 of 5 rows")


# ------------------------------------------------------------------ when there is one


def test_work_that_is_busy_in_one_call_is_told_of_again_and_again(lines):
    with Work("a call"):
        lines.wait_for(lambda _: len(lines.told) >= 3)
    assert all(line.startswith("a call: at work for ") for line in lines.told)


def test_of_pieces_within_one_another_the_innermost_is_told_of(lines):
    with Work("outer"):
        lines.wait_for(lambda line: line.startswith("outer"))
        with Work("inner"):
            lines.wait_for(lambda line: line.startswith("inner"))
            lines.told.clear()
            lines.wait_for(bool)
            assert lines.told[-1].startswith("inner")
        lines.told.clear()
        lines.wait_for(lambda line: line.startswith("outer"))


def test_a_piece_that_fails_is_told_of_no_longer(lines):
    with Work("outer"):
        with pytest.raises(ValueError), Work("inner"):
            raise ValueError
        lines.told.clear()
        lines.wait_for(bool)
        assert lines.told[0].startswith("outer")


def test_other_lines_put_it_off(lines):
    """With an hour between lines none comes beside those of others."""
    tell_every(3600)
    with Work("silent"):
        LOG.info("a line of another")
        time.sleep(0.05)
    assert lines.told == ["a line of another"]


def test_standard_output_that_takes_no_more_does_not_end_the_thread(lines):
    class Lost(logging.Handler):
        tried = 0

        def emit(self, record):
            self.tried += 1
            raise OutputLost

    lost = Lost()
    LOG.addHandler(lost)
    with Work("a call"):
        lines.wait_for(lambda _: lost.tried >= 2)
    LOG.removeHandler(lost)


# ------------------------------------------------------------------ what is told of


@pytest.mark.parametrize(
    ("model", "settings", "commands", "told"),
    [
        (
            *("tagspace", ("hyper_parameters.linear.features=words",), ("trainer", "infer")),
            ("vocabulary of", "encoding", "linear: n-grams", "linear: fit", "step 0", "evaluation"),
        ),
        (
            *("batchneg", (CORPUS, "index.lexical_weight=0.3"), ("trainer", "recall")),
            ("vocabulary of", "encoding", "step 0", "search", "embedding", "index: n-grams"),
        ),
    ],
)
def test_whatever_takes_long_is_told_of(tmp_path, monkeypatch, model, settings, commands, told):
    begun, enter = [], Work.__enter__
    monkeypatch.setattr(Work, "__enter__", lambda self: begun.append(self.what) or enter(self))
    workspace = Workspace(tmp_path, MODELS[model])
    for command in commands:
        workspace.run(command, "told", *settings, "runner.epochs=1")
    assert [what for what in told if not any(line.startswith(what) for line in begun)] == []
