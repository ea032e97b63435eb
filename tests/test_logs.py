import io
import logging

from textzoo.logs import ProgressBar, log_restored, start_logging

LOG = logging.getLogger("textzoo")


def test_lines_go_to_standard_output_and_with_the_time_to_a_file(tmp_path, capsys):
    start_logging(tmp_path / "train.log")
    LOG.info("a line of %s", "零")
    LOG.debug("nothing of this")
    assert capsys.readouterr().out == "a line of 零\n"
    (line,) = (tmp_path / "train.log").read_text(encoding="utf-8").splitlines()
    date, time, rest = line.split(" ", 2)
    assert rest == "a line of 零" and date.count("-") == 2 and time.count(":") == 2


def test_a_second_start_replaces_the_first_and_goes_on_in_the_file(tmp_path):
    first, second = io.StringIO(), io.StringIO()
    start_logging(tmp_path / "train.log", first)
    LOG.info("one")
    start_logging(tmp_path / "train.log", second)
    LOG.info("two")
    assert (first.getvalue(), second.getvalue()) == ("one\n", "two\n")
    text = (tmp_path / "train.log").read_text(encoding="utf-8")
    assert [line[-3:] for line in text.splitlines()] == ["one", "two"]


def test_of_several_processes_the_others_say_only_what_is_wrong(monkeypatch):
    said = io.StringIO()
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    start_logging(stream=said)
    LOG.info("progress")
    LOG.warning("something is wrong")
    assert said.getvalue() == "something is wrong\n"


def test_a_full_disk_does_not_interrupt_a_run(tmp_path, capsys):
    start_logging(tmp_path / "train.log")
    file = next(h for h in LOG.handlers if isinstance(h, logging.FileHandler))

    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    file.stream.close()
    file.stream = Full()
    LOG.info("a line")
    captured = capsys.readouterr()
    assert captured.out == "a line\n" and captured.err == ""


def test_a_log_is_as_it_was_after_it_was_borrowed(tmp_path, capsys):
    own = io.StringIO()
    start_logging(stream=own)
    before = LOG.handlers[:], LOG.level, LOG.propagate
    for verbose, shown in ((True, "progress\nwrong\n"), (False, "")):
        with log_restored(verbose):
            start_logging(tmp_path / "train.log")
            LOG.info("progress")
            LOG.warning("wrong")
            assert ProgressBar(total=3).disable == (not verbose)
        captured = capsys.readouterr()
        assert captured.out == shown
        assert ("wrong" in captured.err) == (not verbose)
        assert (LOG.handlers, LOG.level, LOG.propagate) == before
    assert own.getvalue() == ""
    assert (tmp_path / "train.log").read_text(encoding="utf-8").count("progress") == 2
