"""The tests mirror the packages: each module with behaviour of its own has a file of its name."""

from conftest import ROOT

LIBRARY, TESTS = ROOT / "tools" / "textzoo", ROOT / "tests"

# Constants, types, and what others are to keep to.
WITHOUT_BEHAVIOUR = {
    *("index/text_index", "nets/constants", "running/run"),
    *("serving/api_schema", "serving/limits"),
}
# Modules that are tested as one: what two graphs have in common, a command with what it runs.
WITH_ANOTHER = {
    "__main__": "commands/test_entry",
    "commands/export": "export/test_writing",
    "commands/infer": "commands/test_cli",
    "commands/report": "report/test_page",
    "commands/train": "commands/test_cli",
    "index/milvus_connection": "index/test_milvus",
    "linear/solving": "linear/test_fitting",
    "running/dygraph": "running/test_runs",
    "running/onnx_conversion": "export/test_writing",
    "running/static": "running/test_runs",
    "serving/measuring": "serving/test_served",
    "serving/model_routes": "serving/test_app",
    "text/layout": "text/test_records",
    "text/wordpiece": "text/test_subwords",
}


def modules():
    """The modules of the library that have no test file of their name."""
    names = (path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py"))
    return {
        name.with_suffix("").as_posix()
        for name in names
        if name.stem != "__init__" and not (TESTS / name.parent / f"test_{name.name}").is_file()
    }


def test_each_module_with_behaviour_of_its_own_has_a_test_file_of_its_name():
    assert modules() - WITHOUT_BEHAVIOUR - WITH_ANOTHER.keys() == set()


def test_no_module_is_excused_that_has_one():
    assert WITHOUT_BEHAVIOUR | WITH_ANOTHER.keys() <= modules()
    assert [name for name in WITH_ANOTHER.values() if not (TESTS / f"{name}.py").is_file()] == []


def test_each_model_has_tests_of_its_name_beside_those_of_all_models():
    folders = [path.parent.name for path in (ROOT / "models").glob("*/net.py")]
    assert folders
    assert [name for name in folders if not list(TESTS.glob(f"models/test_{name}*.py"))] == []
