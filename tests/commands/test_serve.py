import contextlib
import importlib
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT
from harness.workspace import ENVIRONMENT, TIMEOUT, command_line

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.served import request, wait_until

from textzoo.commands.serve import main as serve_command
from textzoo.commands.serve import read_token
from textzoo.errors import UserError

_SLOW = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
from textzoo.serving.exported_model import ExportedModel
outputs = ExportedModel.outputs
ExportedModel.outputs = lambda model, rows: time.sleep(1) or outputs(model, rows)
from textzoo.commands.serve import main
sys.exit(main())
"""


@contextlib.contextmanager
def command(arguments):
    process = subprocess.Popen(
        arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("serving"), line + process.stderr.read()
        yield process, int(re.search(r"at http://127\.0\.0\.1:(\d+)$", line.strip()).group(1))
    finally:
        process.kill()
        process.communicate()


def test_sigterm_finishes_what_is_in_flight_and_refuses_what_begins(exported):
    folder = exported("tagspace").folder
    arguments = [sys.executable, "-c", _SLOW, ROOT / "tools", folder, "--port", "0"]
    begun = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with command([str(a) for a in arguments]) as (process, port):
        with ThreadPoolExecutor(4) as pool, socket.create_connection(("127.0.0.1", port)) as late:
            late.sendall(begun + b"Content-Length: 16\r\n\r\n{")
            answers = [
                pool.submit(request, port, "POST", "/predict", '{"texts": ["a", "b"]}')
                for _ in range(3)
            ]
            metrics = lambda: request(port, "GET", "/metrics")[1]  # noqa: E731
            wait_until(lambda: "textzoo_waiting_texts 6.0" in metrics())
            process.send_signal(signal.SIGTERM)

            def is_closed():
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) != 0

            wait_until(is_closed)
            late.sendall(b'"texts": ["a"]}')
            assert b"503" in late.makefile("rb").readline()
            assert [answer.result()[0] for answer in answers] == [200] * 3
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, stderr) == (0, "")
    assert stdout == "stopped\n"


def test_too_many_connections_are_503(exported):
    folder = exported("tagspace").folder
    with command(command_line("serve", folder, "--port", 0, "--max-connections", 4)) as started:
        port = started[1]
        with contextlib.ExitStack() as idle:
            for _ in range(3):
                idle.enter_context(socket.create_connection(("127.0.0.1", port)))
            wait_until(lambda: request(port, "GET", "/health")[0] == 503)
        wait_until(lambda: request(port, "GET", "/health")[0] == 200)


def test_the_token_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("TEXTZOO_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("TEXTZOO_TOKEN", "from-environment")
    assert read_token(None) == "from-environment"
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    assert read_token(tmp_path / "token") == "from-file"
    for bad in ("", "two words", "é"):
        (tmp_path / "token").write_text(bad, encoding="utf-8")
        with pytest.raises(UserError, match="token: expected a token of ASCII"):
            read_token(tmp_path / "token")
    with pytest.raises(UserError, match="none: cannot be read"):
        read_token(tmp_path / "none")


def test_mistakes_of_the_command_are_named(exported, tmp_path, capsys):
    folder = str(exported("tagspace").folder)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve_command([folder, "--port", str(port)]) == 2
        assert f"cannot serve at 127.0.0.1:{port}" in capsys.readouterr().err
    assert serve_command([str(tmp_path)]) == 2
    assert "is not an exported model" in capsys.readouterr().err
    assert serve_command([folder, "--max-waiting", "3"]) == 2
    message = "--max-waiting: received 3, expected at least --max-texts (256)"
    assert message in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        serve_command([folder, "--max-body", "0"])


def test_too_much_load_is_turned_away_and_nothing_fails(exported, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    benchmark = importlib.import_module("benchmarks.serve")
    figures = benchmark.overloaded(exported("tagspace").folder, connections=16, n_requests=400)
    assert set(figures["statuses"]) <= {200, 429}
    assert sum(figures["statuses"].values()) == 400
    assert figures["statuses"][200] >= figures["room"]
