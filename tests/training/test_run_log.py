import json
import logging
import sys
from datetime import datetime

import pytest

from textzoo.config.schema import Runner
from textzoo.logs import start_logging
from textzoo.training.run_log import RunLog

TRAINING = {"epoch": 0, "loss": 0.25, "learning_rate": 0.001, "rows_per_second": 812.4}


@pytest.fixture
def runner(tmp_path):
    return Runner(model_save_path=tmp_path)


def reported(runner):
    text = (runner.model_save_path / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def kinds(runner):
    return [(line["kind"], line["step"]) for line in reported(runner)]


def report_session(runner, steps, start=0, killed=False):
    """Train from `start` to the last of these steps, each of which is reported."""
    with RunLog(runner, total_steps=100, step=start) as report:
        report.session(start, train_rows=90, valid_rows=10)
        for step in range(start + 1, max(steps, default=start) + 1):
            report.step()
            if step in steps:
                report.training(step, TRAINING, seconds_left=1.0)
    if killed:  # then nothing wrote the end
        path = runner.model_save_path / "metrics.jsonl"
        *kept, end = path.read_text(encoding="utf-8").splitlines(keepends=True)
        assert json.loads(end)["kind"] == "end"
        path.write_text("".join(kept), encoding="utf-8")


def report_steps(runner, steps, start=0):
    with RunLog(runner, total_steps=100, step=start) as report:
        for step in steps:
            report.training(step, TRAINING, seconds_left=1.0)


# ------------------------------------------------------------------ the log


def test_the_log_goes_to_standard_output_and_to_a_file(tmp_path, capsys):
    start_logging(tmp_path / "train.log")
    logging.getLogger("textzoo").info("標籤 %d", 3)
    assert capsys.readouterr().out == "標籤 3\n"
    assert (tmp_path / "train.log").read_text(encoding="utf-8").endswith(" 標籤 3\n")


def test_starting_twice_does_not_write_lines_twice(tmp_path, capsys):
    start_logging(tmp_path / "one.log")
    start_logging(tmp_path / "two.log")
    logging.getLogger("textzoo").info("once")
    assert capsys.readouterr().out == "once\n"
    assert (tmp_path / "one.log").read_text(encoding="utf-8") == ""
    assert (tmp_path / "two.log").read_text(encoding="utf-8").count("once") == 1


def test_the_log_file_of_an_earlier_run_is_gone_on_with(tmp_path):
    for text in ("first", "second"):
        start_logging(tmp_path / "train.log")
        logging.getLogger("textzoo").info(text)
    lines = (tmp_path / "train.log").read_text(encoding="utf-8").splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second"]


# ------------------------------------------------------------------ metrics.jsonl


def test_each_report_is_an_object_of_its_own_line(runner):
    with RunLog(runner, total_steps=10, step=0) as report:
        report.training(5, TRAINING, seconds_left=60)
        report.evaluation(10, {"epoch": 1, "accuracy": 0.5, "rows": 7}, best=True)
    assert reported(runner) == [
        {"kind": "train", "step": 5, **TRAINING},
        {"kind": "evaluation", "step": 10, "epoch": 1, "accuracy": 0.5, "rows": 7},
    ]


def test_a_line_can_be_read_as_soon_as_it_is_reported(runner):
    with RunLog(runner, total_steps=10, step=0) as report:
        report.training(5, TRAINING, seconds_left=60)
        assert [line["step"] for line in reported(runner)] == [5]


def test_a_resumed_run_drops_the_lines_of_steps_that_were_lost(runner):
    report_steps(runner, [10, 20, 30, 40])
    report_steps(runner, [30, 40, 50], start=20)
    assert [line["step"] for line in reported(runner)] == [10, 20, 30, 40, 50]


def test_a_line_cut_off_by_a_kill_is_dropped(runner):
    report_steps(runner, [10, 20])
    path = runner.model_save_path / "metrics.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + '{"kind": "train", "st', encoding="utf-8")
    report_steps(runner, [30], start=20)
    assert [line["step"] for line in reported(runner)] == [10, 20, 30]


@pytest.mark.parametrize(
    "line",
    ["[]", "3", "{}", '{"step": "9"}', '{"step": null}', "\ud800", "[" * 200_000],
    ids=lambda line: ascii(line[:20]),
)
def test_a_line_that_is_no_report_is_dropped(runner, line):
    report_steps(runner, [10, 20])
    path = runner.model_save_path / "metrics.jsonl"
    path.write_bytes(f"{line}\n".encode("utf-8", "surrogatepass") + path.read_bytes())
    report_steps(runner, [30], start=20)
    assert [line["step"] for line in reported(runner)] == [10, 20, 30]


def test_a_new_run_starts_with_an_empty_file(runner):
    report_steps(runner, [10, 20])
    report_steps(runner, [], start=0)
    assert reported(runner) == []


def test_dropping_lines_leaves_no_temporary_file(runner):
    report_steps(runner, [10])
    report_steps(runner, [20], start=10)
    assert [path.name for path in runner.model_save_path.iterdir()] == ["metrics.jsonl"]


def test_the_file_is_whole_after_a_failure(runner):
    with pytest.raises(RuntimeError), RunLog(runner, total_steps=10, step=0) as report:
        report.training(5, TRAINING, seconds_left=60)
        raise RuntimeError
    assert [line["step"] for line in reported(runner)] == [5]


# ------------------------------------------------------------------ sessions


def test_a_session_tells_its_start_its_rows_and_seconds_up_to_its_end(runner, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    before = datetime.now().replace(microsecond=0)
    with RunLog(runner, total_steps=2, step=0) as report:
        clock[0] += 5  # before training begins
        report.session(0, train_rows=90, valid_rows=10)
        report.step()
        clock[0] += 1.25
        report.training(1, TRAINING, seconds_left=1.25)
        report.step()
        clock[0] += 1.5
        report.evaluation(2, {"epoch": 0, "accuracy": 0.5, "rows": 10}, best=True)
        clock[0] += 0.25
    first, *rest = reported(runner)
    assert before <= datetime.strptime(first.pop("started"), "%Y-%m-%d %H:%M:%S") <= datetime.now()
    assert [first, *rest] == [
        {"kind": "session", "step": 0, "train_rows": 90, "valid_rows": 10, "seconds": 0.0},
        {"kind": "train", "step": 1, **TRAINING, "seconds": 1.25},
        {
            **{"kind": "evaluation", "step": 2, "epoch": 0},
            **{"accuracy": 0.5, "rows": 10, "seconds": 2.75},
        },
        {"kind": "end", "step": 2, "seconds": 3.0},
    ]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_session_that_fails_ends_too(runner, failure):
    with pytest.raises(failure), RunLog(runner, total_steps=10, step=0) as report:
        report.session(0, train_rows=90, valid_rows=10)
        report.step()
        raise failure
    assert kinds(runner) == [("session", 0), ("end", 1)]


def test_a_resumed_run_keeps_its_earlier_sessions(runner):
    report_session(runner, [10, 20])
    report_session(runner, [30], start=20)
    report_session(runner, [40], start=30)
    assert kinds(runner) == [
        *[("session", 0), ("train", 10), ("train", 20), ("end", 20)],
        *[("session", 20), ("train", 30), ("end", 30)],
        *[("session", 30), ("train", 40), ("end", 40)],
    ]


def test_of_a_killed_session_what_the_checkpoint_has_is_kept(runner):
    report_session(runner, [10, 20, 30], killed=True)
    report_session(runner, [30], start=20)
    assert kinds(runner) == [
        *[("session", 0), ("train", 10), ("train", 20)],
        *[("session", 20), ("train", 30), ("end", 30)],
    ]


def test_sessions_and_ends_after_the_checkpoint_are_lost_work(runner):
    """Resumed from an earlier checkpoint than the newest one."""
    report_session(runner, [10, 20, 30])
    report_session(runner, [40], start=30)
    report_session(runner, [20], start=10)
    assert kinds(runner) == [
        *[("session", 0), ("train", 10)],
        *[("session", 10), ("train", 20), ("end", 20)],
    ]


def test_a_run_that_starts_over_drops_every_session(runner):
    report_session(runner, [10, 20])
    report_session(runner, [30], start=20, killed=True)
    report_session(runner, [10], start=0)
    assert kinds(runner) == [("session", 0), ("train", 10), ("end", 10)]


def test_a_run_with_nothing_left_to_do_has_no_session_more(runner):
    report_session(runner, [10, 20])
    before = reported(runner)
    report_steps(runner, [], start=20)
    assert reported(runner) == before


# ------------------------------------------------------------------ what is shown


def test_plain_lines_when_there_is_no_terminal(runner, caplog, capsys):
    with RunLog(runner, total_steps=80, step=0) as report:
        report.step()
        report.training(50, TRAINING, seconds_left=3725)
        report.evaluation(80, {"epoch": 2, "accuracy": 0.51239, "mrr": 0.6, "rows": 9}, best=True)
        report.evaluation(80, {"epoch": 2, "accuracy": 0.4, "rows": 9}, best=False)
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 0  step 50/80  loss 0.25000  lr 0.001  812 rows/s  left 1:02:05",
        "epoch 2  step 80  validation: accuracy 0.5124  mrr 0.6000  (best)",
        "epoch 2  step 80  validation: accuracy 0.4000",
    ]
    assert capsys.readouterr().err == ""


def test_a_step_that_takes_long_is_told_of_with_the_last_report(runner, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with RunLog(runner, total_steps=80, step=49) as report:
        clock[0] += 65
        assert report.work.line() == "step 49/80  at work for 01:05"
        report.step(TRAINING, seconds_left=60)
        now = "epoch 0  step 50/80  loss 0.25000  lr 0.001  812 rows/s  left 01:00"
        assert report.work.line() == now
        clock[0] += 90
        assert report.work.line() == f"{now}  (since then 01:30)"
    assert reported(runner) == []  # what hangs on time is no report


def test_a_bar_instead_of_training_lines_on_a_terminal(runner, monkeypatch, caplog, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with RunLog(runner, total_steps=80, step=79) as report:
        report.training(80, TRAINING, seconds_left=0)
        report.step()
    shown = capsys.readouterr().err
    assert "80/80" in shown
    assert "loss=0.2500" in shown
    assert caplog.records == []
    assert [line["step"] for line in reported(runner)] == [80]


def test_a_clock_that_is_set_back_leaves_the_bar_alone(runner, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    clock = [1e9]
    monkeypatch.setattr("tqdm.std.time", lambda: clock[0])
    with RunLog(runner, total_steps=3, step=0) as report:
        clock[0] -= 1e8  # three years
        report.step()
    assert "1/3 [00:" in capsys.readouterr().err
