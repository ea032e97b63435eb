import sys

import pytest

from textzoo.config.model_folder import load_model_folder
from textzoo.errors import UserError

FILES = {
    "net.py": "class Net:\n    name = {name!r}\n",
    "reader.py": "class Reader: pass\n",
    "dygraph_model.py": "from .net import Net\nclass DygraphModel:\n    net = Net\n",
    "static_model.py": "from .dygraph_model import DygraphModel\n"
    "class StaticModel(DygraphModel): pass\n",
}


@pytest.fixture(autouse=True)
def forget_modules():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("textzoo_model_"):
            del sys.modules[name]


def make(folder, name="model"):
    folder.mkdir(parents=True)
    for file, code in FILES.items():
        (folder / file).write_text(code.format(name=name), encoding="utf-8")
    return folder


def test_a_folder_gives_its_four_classes(tmp_path):
    path = make(tmp_path / "mine")
    folder = load_model_folder(path)
    assert folder.path == path
    assert [c.__name__ for c in (folder.net, folder.reader)] == ["Net", "Reader"]
    assert folder.dygraph_model.net is folder.net
    assert issubclass(folder.static_model, folder.dygraph_model)


def test_folders_of_the_same_name_do_not_clash(tmp_path):
    one = load_model_folder(make(tmp_path / "a" / "model", "one"))
    two = load_model_folder(make(tmp_path / "b" / "model", "two"))
    assert (one.net.name, two.net.name) == ("one", "two")
    assert (one.static_model.net, two.static_model.net) == (one.net, two.net)


def test_a_folder_s_name_needs_not_be_an_identifier(tmp_path):
    assert load_model_folder(make(tmp_path / "my-model 2.0 標籤")).net.name == "model"


def test_loading_leaves_the_path_and_public_module_names_alone(tmp_path):
    path_before, names_before = sys.path[:], set(sys.modules)
    load_model_folder(make(tmp_path / "mine"))
    assert sys.path == path_before
    added = set(sys.modules) - names_before
    assert added
    assert all(name.startswith("textzoo_model_") for name in added)


def test_a_folder_is_loaded_once_whatever_path_leads_to_it(tmp_path, monkeypatch):
    path = make(tmp_path / "mine")
    first = load_model_folder(path)
    monkeypatch.chdir(tmp_path)
    again = load_model_folder((tmp_path / "mine" / ".." / "mine").relative_to(tmp_path))
    assert again == first
    assert again.net is first.net


def test_missing_files_are_named(tmp_path):
    path = make(tmp_path / "mine")
    (path / "net.py").unlink()
    (path / "static_model.py").unlink()
    with pytest.raises(UserError, match=r"mine: is not a model folder: net\.py, static_model\.py"):
        load_model_folder(path)


def test_a_missing_class_is_named(tmp_path):
    path = make(tmp_path / "mine")
    (path / "reader.py").write_text("class Rader: pass\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"reader\.py: defines no class Reader"):
        load_model_folder(path)


def test_an_error_in_a_file_keeps_its_traceback(tmp_path):
    path = make(tmp_path / "mine")
    (path / "net.py").write_text("import no_such_module_at_all\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all") as failure:
        load_model_folder(path)
    assert str(failure.traceback[-1].path) == str(path / "net.py")
