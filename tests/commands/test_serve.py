import importlib
import os
import random
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT
from harness.workspace import TIMEOUT

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")
pytest.importorskip("uvicorn")

from harness.served import request, serving_process, wait_until

from textzoo.commands.serve import allow_files, named_folders, read_token
from textzoo.commands.serve import main as serve_command
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


def test_sigterm_finishes_what_is_in_flight_and_refuses_what_begins(exported):
    folder = exported("tagspace").folder
    arguments = [sys.executable, "-c", _SLOW, ROOT / "tools", folder, "--port", "0"]
    begun = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    with serving_process([str(a) for a in arguments]) as (process, port):
        with ThreadPoolExecutor(4) as pool, socket.create_connection(("127.0.0.1", port)) as late:
            late.sendall(begun + b"Content-Length: 16\r\n\r\n{")
            answers = [
                pool.submit(request, port, "POST", "/predict", '{"texts": ["a", "b"]}')
                for _ in range(3)
            ]
            metrics = lambda: request(port, "GET", "/metrics")[1]  # noqa: E731
            wait_until(lambda: 'textzoo_waiting_texts{model="tagspace"} 6.0' in metrics())
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
    for bad in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_token(bad)
    (tmp_path / "token").write_text("x" * 5000, encoding="utf-8")
    with pytest.raises(UserError, match="token: expected a token of at most 4096 characters"):
        read_token(tmp_path / "token")


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
    for host in ("nowhere.invalid", "a..b", "x" * 300):
        assert serve_command([folder, "--host", host]) == 2
        assert f"--host, --port: cannot serve at {host}:8000: " in capsys.readouterr().err


def test_folders_may_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x=y").mkdir()
    given = lambda *arguments: named_folders([Path(each) for each in arguments])  # noqa: E731
    assert given("a", "b/c") == {"": [Path("a"), Path("b/c")]}
    assert given("n=a", "m.2-b=b/c", "n=x=y") == {
        "n": [Path("a"), Path("x=y")],
        "m.2-b": [Path("b/c")],
    }
    assert given("x=y") == {"": [Path("x=y")]}  # a folder that is there
    for bad in ("a b=c", "=c", "a=", "-a=c", "é=c", "a/b=c"):
        with pytest.raises(UserError, match=r"expected NAME=DIR, the name of letters"):
            given(bad)
    with pytest.raises(UserError, match=r"^b: expected NAME=DIR, as for the others"):
        given("n=a", "b")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("limits", "raised", "said"),
    [
        ((264, 9000), [], ""),
        ((256, 9000), [(264, 9000)], ""),
        ((50, 100), [(100, 100)], "received 100, but this process may open 100 files only"),
    ],
)
def test_each_connection_may_be_a_file(limits, raised, said, monkeypatch, caplog):
    import resource

    given = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: given.append(pair))
    allow_files(100)
    assert given == raised
    assert said in caplog.text and bool(said) == bool(caplog.text)


def test_too_much_load_is_turned_away_and_nothing_fails(exported, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    benchmark = importlib.import_module("benchmarks.serve")
    figures = benchmark.overloaded(exported("tagspace").folder, connections=16, n_requests=400)
    assert set(figures["statuses"]) <= {200, 429}
    assert sum(figures["statuses"].values()) == 400
    assert figures["statuses"][200] >= figures["room"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks for memory as Linux tells it")
def test_memory_is_measured_under_load(exported, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    soak = importlib.import_module("benchmarks.soak")
    figures = soak.table(exported("tagspace").folder, 0.05, 2, engine=None, trust_code=False)
    assert set(figures["statuses"]) == {200}
    assert len(figures["samples"]) == 20
    assert all(50 < sample["megabytes"] < 5000 for sample in figures["samples"])
    chance = random.Random(0)
    sizes = [[len(t) for t in soak._texts(chance, ["word"] * 9)] for _ in range(300)]
    assert 24 < max(map(len, sizes)) <= 64
    assert max(map(max, sizes)) > 3990 and min(map(min, sizes)) < 60
