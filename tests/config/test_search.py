"""The block `search`: what it says, and what is said of mistakes in it."""

import pytest
from conftest import ROOT

from textzoo.config.loading import load_config
from textzoo.config.search import Between, Choices
from textzoo.errors import UserError

MARGIN, RATE = "hyper_parameters.margin", "hyper_parameters.optimizer.learning_rate"
BASE = ROOT / "models" / "tagspace" / "config.yaml"


@pytest.fixture
def searched(write_config):
    """A function that gives what a config of tagspace with a block `search` searches."""

    def read(search, *overrides):
        path = write_config({"base": str(BASE), "search": search})
        return load_config(path, list(overrides))[0].search

    return read


def test_lists_are_choices_and_blocks_ranges(searched):
    found = searched(
        {
            RATE: {"low": 1e-4, "high": 1e-2, "log": True},
            "hyper_parameters.loss": ["margin", "softmax"],
            "hyper_parameters.hid_dim": {"low": 16, "high": 64, "step": 16},
            "hyper_parameters.optimizer.beta1": [0.8, 0.9],
            "runner.max_grad_norm": [None, 1.0],
        }
    )
    assert found == {
        RATE: Between(1e-4, 1e-2, log=True),
        "hyper_parameters.loss": Choices(["margin", "softmax"]),
        "hyper_parameters.hid_dim": Between(16, 64, step=16, is_whole=True),
        "hyper_parameters.optimizer.beta1": Choices([0.8, 0.9]),
        "runner.max_grad_norm": Choices([None, 1.0]),
    }


def test_whole_ends_mean_whole_numbers_only_where_the_key_takes_no_others(searched):
    ends = {"low": 1, "high": 4}
    found = searched({MARGIN: ends, "reader.min_count": ends, "hyper_parameters.win_size": ends})
    assert {key: space.is_whole for key, space in found.items()} == {
        MARGIN: False,
        "reader.min_count": True,
        "hyper_parameters.win_size": True,
    }


def test_a_later_layer_adds_replaces_and_takes_away(searched):
    found = searched(
        {MARGIN: [1.0], RATE: [0.1], "reader.min_count": [1, 2]},
        f"search={{{MARGIN}: {{low: 0.5, high: 1}}, {RATE}: null, hyper_parameters.win_size: [3]}}",
    )
    assert found == {
        MARGIN: Between(0.5, 1),
        "reader.min_count": Choices([1, 2]),
        "hyper_parameters.win_size": Choices([3]),
    }


def test_null_takes_away_what_a_base_searches(write_config):
    path = write_config({"base": str(BASE), "search": {MARGIN: [0.5]}})
    assert load_config(path, ["search=null"])[0].search == {}


def test_a_path_starts_from_the_folder_of_its_config(write_config, tmp_path):
    base = ROOT / "models" / "xmlcnn" / "config.yaml"
    search = {"runner.model_init_path": [None, "output/best"]}
    path = write_config({"base": str(base), "search": search}, "inner/config.yaml")
    found = load_config(path, [])[0].search["runner.model_init_path"]
    assert found == Choices([None, str(tmp_path / "inner" / "output" / "best")])


def test_a_search_is_no_part_of_the_settings_of_a_run():
    found = [load_config(BASE, each)[0] for each in ([], [f"search={{{MARGIN}: [0.5]}}"])]
    assert found[0].resolved() == found[1].resolved()
    assert [one.search for one in found] == [{}, {MARGIN: Choices([0.5])}]


RANGE = {"low": 1e-4, "high": 1e-2}
WRONG = [
    ({MARGIN: {"low": 2, "high": 1}}, "received low 2 and high 1, expected low < high"),
    ({MARGIN: {"low": 0, "high": 1, "log": True}}, "received log with low 0, expected low > 0"),
    ({MARGIN: {"low": 0, "high": 1, "step": 2}}, "received step 2, expected at most high - low"),
    ({MARGIN: {"low": 0, "high": 1, "step": 1e-300}}, "expected at least 1e-06, or no step"),
    ({MARGIN: {"low": 1, "high": 2, "log": True, "step": 1}}, "received step 1, expected no step"),
    ({MARGIN: {"low": "a", "high": 1}}, ".low: received 'a' (str), expected a number"),
    ({MARGIN: {"low": 0, "high": 1, "step": -1}}, ".step: received -1 (int), expected a number, >"),
    ({MARGIN: {"low": 0, "high": 1, "log": "yes"}}, ".log: received 'yes' (str), expected true or"),
    ({MARGIN: {"low": 0, "hihg": 1}}, ".high: missing; expected a number"),
    ({MARGIN: {**RANGE, "hihg": 1}}, ".hihg: unknown key; did you mean high?"),
    ({MARGIN: 3}, "received 3, expected a list of values, or a range such as {low: 1e-4"),
    ({MARGIN: []}, "received [], expected at least one value"),
    ({MARGIN: [1.0, 2.0, 1.0]}, "expected each value once"),
    ({MARGIN: [-1.0]}, "received -1.0 (float), expected float, >= 0"),
    ({RATE: {"low": 0.0, "high": 1.0}}, "received 0.0 (float), expected float, > 0"),
    ({"hyper_parameters.loss": ["softmx"]}, "received 'softmx' (str), expected one of margin |"),
    ({"hyper_parameters.hid_dim": RANGE}, "received 0.0001 (float), expected int, > 0"),
    ({"hyper_parameters.optimizer.beta1": [2.0]}, "received 2.0 (float), expected float, >= 0, <"),
    ({"hyper_parameters.optimizer.rho": [0.5]}, "hyper_parameters.optimizer.rho: unknown key"),
    ({"hyper_parameters.margn": RANGE}, "unknown key; did you mean hyper_parameters.margin?"),
    ({"margin": RANGE}, "search.margin: unknown key; did you mean hyper_parameters.margin?"),
    ({"hyper_parameters": {"margin": RANGE}}, "search.hyper_parameters: unknown key; expected a d"),
]
# On other rows, or by something else, trials would not compare.
JUDGING = ("seed", "valid_fraction", "valid_data_dir", "best_metric", "threshold", "test_data_dir")


@pytest.mark.parametrize(("search", "said"), WRONG)
def test_a_mistake_is_told_with_its_line(write_config, search, said):
    path = write_config({"base": str(BASE), "runner": {"epochs": 1}, "search": search})
    lines = path.read_text(encoding="utf-8").splitlines()
    key = next(iter(search))
    line = next(i for i, text in enumerate(lines, 1) if text.strip().startswith(f"{key}:"))
    with pytest.raises(UserError) as refused:
        load_config(path, [])
    assert f"  {path}:{line}: search.{key}" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", JUDGING)
def test_what_trials_are_judged_by_is_not_searched(searched, name):
    with pytest.raises(UserError, match=rf"search.runner.{name}: is no key to search"):
        searched({f"runner.{name}": [1]})


def test_an_override_names_a_key_as_every_other_does(searched):
    block = {MARGIN: [0.1, 0.2], RATE: [0.1, 0.2]}
    found = searched(block, f"search.{MARGIN}=null", f"search.{RATE}=[0.3, 0.4]")
    assert found == {RATE: Choices([0.3, 0.4])}
    with pytest.raises(UserError, match=r"search.runner.epoch: .*did you mean runner.epochs"):
        searched(block, "search.runner.epoch=[1, 2]")


@pytest.mark.parametrize("search", [3, [MARGIN]])
def test_what_is_no_block_is_refused(searched, search):
    with pytest.raises(UserError, match=r"search: received .*, expected keys such as hyper_par"):
        searched(search)


def test_all_problems_are_listed_and_those_of_an_override_named_so(searched):
    with pytest.raises(UserError) as refused:
        searched({MARGIN: [-1.0], "runner.seed": [1]}, "search={reader.min_count: 3}")
    first, *problems = str(refused.value).splitlines()
    assert first.endswith("config.yaml: 3 problem(s):") and len(problems) == 3
    assert "  -o: search.reader.min_count: received 3, expected a list" in problems[2]
