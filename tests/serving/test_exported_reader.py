"""Nothing in an exported folder is run but the source of a reader that is trusted."""

import importlib.util
import json
import py_compile
import shutil

import numpy as np
import pytest
from harness.exports import give_own_reader, repair

from textzoo import Encoder, SemanticIndex, Tagger
from textzoo.commands.export import main as export_command
from textzoo.commands.serve import main as serve_command
from textzoo.errors import UserError

OPTION = {True: ["--trust-code"], False: []}
ROUTES = {
    "Tagger": ("tagspace", lambda path, trust: Tagger.load(path, trust_code=trust)),
    "Encoder": ("batchneg", lambda path, trust: Encoder.load(path, trust_code=trust)),
    "SemanticIndex": ("batchneg", lambda path, trust: SemanticIndex.load(path, trust_code=trust)),
    "serve.py": (
        "tagspace",
        lambda path, trust: serve_command([str(path), "--port", "0", *OPTION[trust]]),
    ),
    "export.py --verify": (
        "tagspace",
        lambda path, trust: export_command(["--verify", str(path), *OPTION[trust]]),
    ),
}


@pytest.fixture
def marker(tmp_path):
    """A file that is there once code has run."""
    return tmp_path / "ran"


@pytest.fixture
def code(marker):
    return f"import pathlib; pathlib.Path({str(marker)!r}).touch()\n"


@pytest.fixture(params=ROUTES)
def route(request, exported, tmp_path, monkeypatch, capsys):
    """A copy of an export, and a function that loads it: None, or what it was refused with."""
    if request.param == "serve.py":
        for package in ("fastapi", "prometheus_client"):
            pytest.importorskip(package)
        uvicorn = pytest.importorskip("uvicorn")
        monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: None)
    name, load = ROUTES[request.param]
    folder = shutil.copytree(exported(name).folder, tmp_path / "copy")

    def refusal(trust=False):
        capsys.readouterr()
        try:
            status = load(folder, trust)
        except UserError as refused:
            return str(refused)
        error = capsys.readouterr().err
        assert (status == 2) == bool(error), error
        return error or None

    return folder, refusal


def pickled(path):
    """An array that runs `path.touch` when it is unpickled."""

    class Touch:
        def __reduce__(self):
            return type(path).touch, (path,)

    return np.array([Touch()], dtype=object)


# ------------------------------------------------------------------ a reader of the library


def test_a_planted_reader_is_not_run(route, code, marker):
    folder, refusal = route
    (folder / "reader.py").write_text(code, encoding="utf-8")
    assert "reader.py: is not among the exported files" in refusal()
    assert "reader.py: is not among the exported files" in refusal(trust=True)
    repair(folder)
    assert refusal() is None  # it is one more file of data
    assert not marker.exists()


def test_bytecode_and_modules_that_were_planted_are_refused(route, code, marker):
    folder, refusal = route
    for place in (importlib.util.cache_from_source("reader.py"), "json.py", "vocabulary/x.pth"):
        planted = folder / place
        planted.parent.mkdir(exist_ok=True)
        planted.write_text(code, encoding="utf-8")
        assert f"{place}: is not among the exported files" in refusal()
        planted.unlink()
    assert refusal() is None
    assert not marker.exists()


def test_arrays_that_would_run_code_are_refused(route, marker):
    folder, refusal = route
    with np.load(folder / "examples.npz") as arrays:
        np.savez(folder / "examples.npz", **{n: pickled(marker) for n in arrays}, allow_pickle=True)
    repair(folder)
    assert "examples.npz: is damaged" in refusal()
    assert not marker.exists()


def test_a_program_that_does_more_than_compute_is_refused(route):
    folder, refusal = route
    program = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    operations = program["program"]["regions"][0]["blocks"][0]["ops"]
    nested = {"#": "1.if", "regions": [{"blocks": [{"ops": [{"#": "1.save_combine"}]}]}]}
    operations.insert(-1, nested)
    (folder / "net.json").write_text(json.dumps(program), encoding="utf-8")
    repair(folder)
    assert "net.json: holds the operation save_combine; expected a net" in refusal()


# ------------------------------------------------------------------ a reader of one's own


def test_code_is_run_only_where_it_is_trusted(route, code, marker):
    folder, refusal = route
    give_own_reader(folder, code)
    said = refusal()
    assert "its reader is code of its own (reader.py), which loading runs" in said
    assert "trust_code=True (Python) or --trust-code" in said
    assert not marker.exists()
    assert refusal(trust=True) is None
    assert marker.exists()


def test_trusted_code_is_what_the_manifest_lists(route, code, marker):
    folder, refusal = route
    give_own_reader(folder)
    with (folder / "reader.py").open("a", encoding="utf-8") as file:
        file.write(code)
    assert "reader.py: was changed" in refusal(trust=True)
    assert not marker.exists()


def test_bytecode_beside_trusted_code_is_not_read(route, tmp_path, code, marker):
    folder, refusal = route
    give_own_reader(folder)
    reader = folder / "reader.py"
    source = reader.read_bytes()
    reader.write_bytes(code.encode().ljust(len(source)))
    planted = py_compile.compile(
        str(reader), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    reader.write_bytes(source)
    assert importlib.util.cache_from_source(str(reader)) == planted
    assert "pyc: is not among the exported files" in refusal(trust=True)
    repair(folder)
    assert refusal(trust=True) is None
    assert not marker.exists()


def test_loading_leaves_the_folder_as_it_is(route):
    folder, refusal = route
    give_own_reader(folder)
    before = sorted(folder.rglob("*"))
    assert refusal(trust=True) is None
    assert sorted(folder.rglob("*")) == before
