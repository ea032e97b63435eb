"""What processes were given is compared; between real ones: test_machines.py."""

import pytest
from harness.running import ROOT

from textzoo.config.loading import load_config
from textzoo.distributed import agreement
from textzoo.distributed.agreement import check_alike, check_settings
from textzoo.errors import UserError

CONFIG = ROOT / "models" / "tagspace" / "config.yaml"


@pytest.fixture
def among(monkeypatch):
    """A function that calls a check as the first of two processes; the other has given facts."""

    def call(check, given, theirs):
        monkeypatch.setattr(agreement, "n_processes", lambda: 2)
        monkeypatch.setattr(agreement, "own_address", lambda: "10.0.0.1")
        monkeypatch.setattr(agreement, "gather", lambda own: [own, ("10.0.0.2", theirs)])
        return check(given)

    return call


@pytest.fixture
def facts_of(monkeypatch):
    """A function that gives what is compared of the config of the sample, with overrides."""

    def facts(*overrides):
        found = []
        with monkeypatch.context() as patch:
            patch.setattr(agreement, "check_alike", found.append)
            check_settings(load_config(CONFIG, list(overrides))[0])
        return found[0]

    return facts


def test_processes_that_were_given_the_same_go_on(among):
    facts = {"data": {"train": {0: "a"}}, "checkpoint": None}
    among(check_alike, facts, dict(facts))


def test_what_differs_is_named_with_both_values_and_places(among):
    with pytest.raises(UserError) as refused:
        among(check_alike, {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    said = str(refused.value)
    assert said.startswith(
        "process 1 at 10.0.0.2 (there) was given other things than process 0 at 10.0.0.1 (here):\n"
        "  a.c: 3 there, 2 here\n"
    )


def test_one_process_is_compared_with_nothing(monkeypatch):
    monkeypatch.delenv("PADDLE_TRAINERS_NUM", raising=False)
    check_alike({"a": 1})


def test_settings_and_versions_are_compared_but_not_what_a_machine_may_have_of_its_own(
    facts_of, tmp_path
):
    here = facts_of()
    own = ("runner.processes=8", "runner.num_workers=2")
    own += ("runner.nodes=1", "runner.master=localhost:1")
    assert facts_of(*own, f"runner.cache_dir={tmp_path}", f"runner.train_data_dir={CONFIG}") == here
    assert facts_of("hyper_parameters.emb_dim=7") != here
    assert facts_of("runner.train_batch_size=7") != here
    assert {"textzoo", "paddle"} <= here.keys()
