"""What all tests share: the library on the path, Paddle imported once, a log that is left clean."""

import functools
import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import yaml
from harness.running import clean_log
from harness.workspace import MODELS, Workspace

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

if importlib.util.find_spec("textzoo") is None:  # run from a checkout, without `pip install -e .`
    sys.path.insert(0, str(ROOT / "tools"))

from textzoo.devices import import_paddle  # noqa: E402 (needs the path)

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as for the processes, see harness.running
import_paddle()
# Shells start what runs in the background with SIGINT ignored, and commands under test inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_log():
    """Let each test start with the library's log as it is before `start_logging`."""
    with clean_log():
        yield


@pytest.fixture
def write_config(tmp_path):
    """A function that writes a config, of text or blocks, and gives its path."""

    def write(content, name="config.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def runs(tmp_path) -> Path:
    """A folder for checkpoints, which is not there yet."""
    return tmp_path / "output" / "model"


@pytest.fixture
def save(runs):
    """A function that saves a checkpoint of a name in `runs`, with the tensors of a step."""
    from harness.saved import save_tensors

    return functools.partial(save_tensors, runs)


@pytest.fixture(scope="session")
def tagspace():
    """The model folder of TagSpace."""
    from textzoo.config.model_folder import load_model_folder

    return load_model_folder(ROOT / "models" / "tagspace")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("commands"), MODELS["tagspace"])


@pytest.fixture(scope="module")
def trained(workspace) -> Path:
    """The output of a run of two epochs. Tests that change it make a copy."""
    workspace.run("trainer", "trained")
    return workspace.output("trained")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A function that gives the `Export` of a name, made when it is first asked for."""
    from harness.converted import converting_here
    from harness.exports import make_export

    @functools.cache
    def export(name):
        with converting_here():
            return make_export(name, tmp_path_factory.mktemp(name))

    return export


@pytest.fixture(scope="module")
def browser():
    """Chromium, or whatever browser of its kind is there."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs a browser: chromium or google-chrome")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serving(exported):
    """A function that serves a model; the servers end with the module."""
    from harness.served import Client

    from textzoo.serving.app import create_app
    from textzoo.serving.limits import Limits

    clients = []

    def start(name, token=None, **limits):
        """Serve one model, or with a dict several by their names."""
        chosen = Limits(**limits)
        names = name if isinstance(name, dict) else {"": name}
        folders = {own: [exported(each).folder] for own, each in names.items()}
        clients.append(Client(create_app(folders, chosen, token), chosen))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
