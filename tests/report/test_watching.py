"""The report that is served while a run goes on."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from harness.running import ENVIRONMENT, ROOT, TIMEOUT, command_line, run_command

pytest.importorskip("matplotlib")

from harness.reported import lines, make_run, row

from textzoo.report.watching import _Report, _Server


@contextlib.contextmanager
def served(*folders):
    """A report of these folders, served here; gives the server."""
    with _Server(_Report(folders), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def get(port, path="/", host="localhost"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def tell(folder, step, loss, text):
    """What a run at work adds: a line of metrics, and one of its log."""
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(lines({"kind": "train", "step": step, "epoch": 0, "loss": loss, "seconds": 9.0}))
    with (folder / "train.log").open("a", encoding="utf-8") as file:
        file.write(f"2026-01-02 10:00:00,000 {text}\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to no single process")
def test_a_run_is_waited_for_and_followed_until_ctrl_c(tmp_path):
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command_line("report", "--watch", folder, "--port", 0),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout.readline() == f"waiting for {folder}\n"
        port = int(re.search(r"http://127\.0\.0\.1:(\d+) ", process.stdout.readline())[1])
        status, page = get(port)
        assert status == 200 and "Waiting" in page and str(folder) in page
        before = get(port, "/state")
        assert before == get(port, "/state")
        folder.mkdir()
        (folder / "train.log").write_text("reading 標籤\n", encoding="utf-8")
        assert get(port, "/state") != before
        page = get(port)[1]
        assert "Waiting" in page and "reading 標籤" in page
        (folder / "train.log").unlink()
        folder.rmdir()
        make_run(folder, [row(["a"], {"a": 1.0})])
        tell(folder, 20, 0.125, "a line")
        page = get(port)[1]
        assert "Waiting" not in page and "0.125" in page and "a line" in page
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, stdout, stderr) == (0, "stopped\n", "")
    assert not (folder / "report.html").exists()


def test_a_page_says_of_which_state_it_is(tmp_path):
    folder = make_run(tmp_path / "run")
    with served(folder) as server:
        state = get(server.port, "/state")[1]
        assert f'data-state="{state}"' in get(server.port)[1]
        tell(folder, 20, 0.125, "a line")
        assert get(server.port, "/state")[1] != state


def test_several_runs_are_compared_with_the_log_of_each(tmp_path):
    folders = [make_run(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        tell(folder, 20, 0.125, f"a line of {folder.name}")
    with served(*folders) as server:
        page = get(server.port)[1]
    assert ">2 runs" in page
    assert "a line of one" in page and "a line of two" in page


def test_a_run_that_has_not_begun_does_not_hide_the_others(tmp_path):
    with served(make_run(tmp_path / "one"), tmp_path / "two") as server:
        page = get(server.port)[1]
    assert "Training" in page and f"{tmp_path / 'two'}: is no folder of a run" in page


def test_the_runs_of_seeds_are_followed_as_they_begin_until_their_spread(tmp_path):
    folder = tmp_path / "seeds"
    with served(folder, folder / "seed-1") as server:  # which is not shown twice
        assert "Waiting" in get(server.port)[1]
        tell(make_run(folder / "seed-1", metrics={"accuracy": 0.5}), 20, 0.125, "a line")
        assert ">2 runs" not in get(server.port)[1]
    with served(folder) as server:
        state = get(server.port, "/state")[1]
        tell(make_run(folder / "seed-2", metrics={"accuracy": 0.5}), 20, 0.25, "another line")
        assert get(server.port, "/state")[1] != state
        page = get(server.port)[1]
        assert ">2 runs" in page and "a line" in page and "another line" in page
        state = get(server.port, "/state")[1]
        spread = {"values": [0.5, 0.7], "mean": 0.6, "std": 0.1414, "min": 0.5, "max": 0.7}
        told = {"runs": ["seed-1", "seed-2"], "test": {"accuracy": spread}}
        (folder / "seeds.json").write_text(json.dumps(told), encoding="utf-8")
        assert get(server.port, "/state")[1] != state
        assert "0.1414" in get(server.port)[1]


def test_a_file_is_not_waited_for(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run_command("report", tmp_path / "file", "--watch", expect=2)
    assert f"RUN_DIR: {tmp_path / 'file'} is no folder" in result.stderr


def test_only_this_machine_is_answered_under_its_own_name(tmp_path):
    with served(make_run(tmp_path / "run")) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert get(server.port, host="elsewhere.example")[0] == 403
        assert get(server.port, host="127.0.0.1")[0] == 200
        assert get(server.port, "/train.log")[0] == 404
        assert get(server.port, "/../run/train.log")[0] == 404


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_command("report", tmp_path, "--watch", "--port", port, expect=2)
    assert f"--port: cannot serve at 127.0.0.1:{port}: " in result.stderr
    assert "--port 0" in result.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--port", "8001"), "--port: is for --watch"),
        (("--watch", "--output", "x.html"), "--output: is not written with --watch"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, named):
    assert named in run_command("report", tmp_path, *options, expect=2).stderr


def test_a_page_in_a_browser_follows_the_run_and_keeps_how_tables_are_sorted(browser, tmp_path):
    evenly = [row([tag], {"b": 0.9, "a": 0.1, "c": 0.05}) for tag in "abbc" * 3]
    folder = make_run(tmp_path / "run", evenly)
    problems = []
    with served(folder) as server:
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.port}/")
        heading = page.locator("#labels th").nth(0)
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "ascending"
        tell(folder, 20, 0.0625, "step 20")
        page.locator("#log", has_text="step 20").wait_for(timeout=TIMEOUT * 1000)
        assert "0.0625" in page.locator("#training").inner_text()
        assert "Last change at" in page.locator("#watching").inner_text()
        assert heading.get_attribute("aria-sort") == "ascending"
        test = folder / "infer" / "infer_metrics.json"
        fewer = {**json.loads(test.read_text("utf-8")), "rows": 4}
        (folder / "infer" / "predictions.jsonl").write_text(lines(*evenly[:4]), encoding="utf-8")
        test.write_text(json.dumps(fewer), "utf-8")
        page.locator("#labels th:first-child:not([aria-sort])").wait_for(timeout=TIMEOUT * 1000)
        heading.locator("button").click()  # what came anew sorts, too
        assert heading.get_attribute("aria-sort") == "ascending"
    page.locator("#watching", has_text="no longer served").wait_for(timeout=TIMEOUT * 1000)
    page.close()
    assert not problems


def test_a_page_that_follows_a_run_stays_in_the_language_that_was_chosen(browser, tmp_path):
    folder = make_run(tmp_path / "run", [row(["a"], {"a": 1.0})])
    with served(folder) as server:
        page = browser.new_page(viewport={"width": 400, "height": 800}, locale="en-GB")
        page.goto(f"http://127.0.0.1:{server.port}/")
        assert page.inner_text("#watching") == "This page follows the training"
        page.click("#language")
        assert page.inner_text("#watching") == "此页面随训练更新"
        page.evaluate("document.querySelector('#labels').dataset.kept = 'yes'")
        tell(folder, 20, 0.0625, "step 20")
        page.locator("#log", has_text="step 20").wait_for(timeout=TIMEOUT * 1000)
        assert page.inner_text("#watching").startswith("最近更新于 ")
        assert page.inner_text("#log h2") == "日志" and page.title().startswith("TextZoo：")
        assert page.inner_text("#language") == "English"
        # What has not changed is not put there anew, though a phone folds it.
        assert page.get_attribute("#labels", "data-kept") == "yes"
        page.click("#language")
        assert page.inner_text("#watching").startswith("Last change at ")
    page.locator("#watching", has_text="no longer served").wait_for(timeout=TIMEOUT * 1000)
    page.close()
