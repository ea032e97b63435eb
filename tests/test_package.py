"""What `pip install textzoo` gives: built, installed and used outside of the checkout."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from conftest import ROOT
from harness.workspace import TIMEOUT, digests

SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "tools/textzoo")
# What runs leave in a checkout.
LEFT_BEHIND = ("output_model*", ".*", "__pycache__", "*.log", "*.npy")

if int(metadata.version("setuptools").partition(".")[0]) <= 70:  # later ones bring it
    pytest.importorskip("wheel")


def build(hook, sources, target):
    """What a hook of setuptools makes of a folder of sources; pip calls the same."""
    code = f"import setuptools.build_meta as b; print(b.{hook}({str(target)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=sources, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source archive of a copy of the checkout, in which something was run."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        (copy / name).parent.mkdir(exist_ok=True)
        place = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        place(ROOT / name, copy / name)
    ignored = shutil.ignore_patterns(*LEFT_BEHIND)
    shutil.copytree(ROOT / "models", copy / "models", ignore=ignored)
    for name in ("output_model/best/rec.pdparams", ".textzoo_cache/x.npy", "__pycache__/x.pyc"):
        left = copy / "models" / "tagspace" / name
        left.parent.mkdir(parents=True)
        left.touch()
    return build("build_sdist", copy, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel that is built from the source archive alone."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked)
    (sources,) = unpacked.iterdir()
    return build("build_wheel", sources, tmp_path_factory.mktemp("wheel"))


class Installed:
    """The package in an environment of its own, which sees the packages of this one.

    Args:
        folder: of the environment.
        wheel: what to install.
    """

    def __init__(self, folder, wheel):
        venv.create(folder, with_pip=False)
        scripts, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
        self._python, self.program = (
            folder / scripts / f"{name}{suffix}" for name in ("python", "textzoo")
        )
        place = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        self.library = Path(self._output([self._python, "-c", place]).strip())
        outer = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        (self.library / "outer.pth").write_text("\n".join(outer), encoding="utf-8")
        install = ["-m", "pip", "install", "--no-index", "--no-deps", "--ignore-installed"]
        self._output([self._python, *install, wheel])

    def __call__(self, *arguments, cwd, expect=0, blocked=()):
        """The output of `textzoo`, both streams.

        Args:
            arguments: of the command.
            cwd: where it runs.
            expect: its exit status.
            blocked: packages that cannot be imported.
        """
        return self._output([self.program, *arguments], cwd, expect, blocked)

    def environment(self, cwd, blocked=()):
        """The variables of a command, without what would lead it to the checkout."""
        place = Path(cwd) / "blocked"
        place.mkdir(exist_ok=True)
        for name in blocked:
            (place / f"{name}.py").write_text("raise ImportError", encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "VIRTUAL_ENV")}
        return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(place) if blocked else ""}

    def _output(self, command, cwd=None, expect=0, blocked=()):
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=self.environment(cwd, blocked) if cwd else {**os.environ, "PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIMEOUT,
        )
        assert done.returncode == expect, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def textzoo(wheel, tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("environment"), wheel)


@pytest.fixture(scope="module")
def packed(textzoo):
    """The checksums of the installed files, but for what Python compiles."""

    def now():
        found = digests(textzoo.library / "textzoo")
        return {name: digest for name, digest in found.items() if not name.endswith(".pyc")}

    return now


def test_archive_and_wheel_have_the_models_that_git_has_and_nothing_else_of_them(sdist, wheel):
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a clone and git")
    listed = subprocess.check_output(["git", "ls-files", "models"], cwd=ROOT, text=True)
    files = set(listed.split())
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if "." in name[8:]}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.removeprefix("textzoo/") for name in archive.namelist()}
    assert {name for name in names if re.match(r"models/.*\.\w+$", name)} == files
    assert {name for name in packed if name.startswith("models/")} == files
    assert "serving/page/index.html" in packed


def test_a_bare_environment_needs_no_compiler_for_what_the_package_requires(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().splitlines()
    required = [line for line in lines if line.startswith("Requires-Dist: ")]
    assert [line for line in required if "hnswlib" in line and "extra" not in line] == []
    assert any(re.match("Requires-Dist: hnswlib ?;.*hnsw", line) for line in required)


@pytest.mark.slow
def test_from_the_package_alone_to_a_served_model(textzoo, packed, tmp_path):
    before = packed()
    said = textzoo("new", "my_tags", "--from", "tagspace", cwd=tmp_path)
    assert "  textzoo train -m my_tags/config.yaml" in said
    header = (tmp_path / "my_tags" / "config.yaml").read_text(encoding="utf-8")
    assert "\n#   textzoo train -m my_tags/config.yaml" in header and "tools/" not in header
    config = ("-m", "my_tags/config.yaml")
    assert "train: " in textzoo("check-data", *config, cwd=tmp_path)
    textzoo("train", *config, "-o", "runner.epochs=1", cwd=tmp_path)
    said = textzoo("infer", *config, cwd=tmp_path)
    assert json.loads(said.rpartition("metrics: ")[2])["accuracy"] > 0.5
    (tmp_path / "new.txt").write_text("the home team won the match\n", encoding="utf-8")
    said = textzoo("predict", *config, "--texts", "new.txt", cwd=tmp_path)
    assert json.loads(said.splitlines()[-1])["top"]
    textzoo("export", *config, "--output", "exported", "--format", "paddle", cwd=tmp_path)
    textzoo("export", "--verify", "exported", cwd=tmp_path)
    assert "textzoo export" in textzoo("serve", "my_tags", cwd=tmp_path, expect=2)
    assert packed() == before
    if not all(map(importlib.util.find_spec, ("fastapi", "uvicorn", "prometheus_client"))):
        return
    server = subprocess.Popen(
        [textzoo.program, "serve", "exported", "--port", "0"],
        cwd=tmp_path,
        env=textzoo.environment(tmp_path),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        (address,) = re.findall(r"at (http://\S+)", server.stdout.readline())
        body = json.dumps({"texts": ["the home team won the match"]}).encode()
        asked = urllib.request.Request(
            f"{address}/predict", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:
            assert json.load(answer)
    finally:
        server.terminate()
        server.communicate(timeout=TIMEOUT)


@pytest.mark.slow
def test_without_hnswlib_pairs_are_searched_exactly(textzoo, tmp_path):
    without = {"cwd": tmp_path, "blocked": ["hnswlib"]}
    given = ("-m", "my_pairs/config.yaml", "-o", "runner.epochs=1")
    textzoo("new", "my_pairs", "--from", "batchneg", **without)
    textzoo("train", *given, **without)
    said = textzoo("recall", *given, **without)
    assert said.count("hnswlib, which is not installed: exact search takes its place") == 1
    result = tmp_path / "my_pairs" / "output_model" / "infer" / "recall_result.txt"
    found = result.read_bytes()
    exact = ("index.backend=exact", "index.path=exact")
    assert "takes its place" not in textzoo("recall", *given, *exact, cwd=tmp_path)
    assert result.read_bytes() == found
