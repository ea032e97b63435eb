"""Two keys for one thing: the later layer's wins, and two in the same layer are refused."""

import itertools

import pytest
from harness.configs import MINIMAL, load

from textzoo.config.layers import read_layers
from textzoo.config.schema import ALTERNATIVES
from textzoo.errors import UserError

VALUES = {
    **{"valid_fraction": 0.1, "infer_start_epoch": 0, "infer_end_epoch": 2},
    "infer_ensemble": ["a", "b"],
}
PAIRS = [
    (first, second)
    for group in ALTERNATIVES["runner"]
    for names in itertools.permutations(group, 2)
    for first, second in itertools.product(*names)
]


def test_a_later_share_of_the_training_rows_replaces_validation_data(write_config):
    runner = {"valid_data_dir": "x", "valid_fraction": 0.1}
    path = write_config({**MINIMAL, "runner": runner})
    assert read_layers(path, []).blocks["runner"] == runner  # the share is for where there are none
    found = read_layers(path, ["runner.valid_fraction=0.2"]).blocks["runner"]
    assert found == {"valid_fraction": 0.2}
    found = read_layers(path, ["runner.valid_fraction=0.2", "runner.valid_pair_file=y"]).blocks
    assert found["runner"] == {"valid_fraction": 0.2, "valid_pair_file": "y"}


def of(name):
    return VALUES.get(name, f"some/{name}")


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_a_later_layer_s_key_replaces_the_others(write_config, earlier, later):
    base = write_config({**MINIMAL, "runner": {earlier: of(earlier), "epochs": 3}}, "base.yaml")
    path = write_config({"base": "base.yaml", "runner": {later: of(later)}})
    expected = {"epochs": 3, later: of(later)}
    assert read_layers(path, []).blocks["runner"] == expected
    override = f"runner.{later}={of(later)}".replace("'", "")
    assert read_layers(base, [override]).blocks["runner"] == expected
    load(base, [override])


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_keys_in_one_layer_are_refused(write_config, first, second):
    runner = {first: of(first), second: of(second)}
    path = write_config({**MINIMAL, "runner": runner})
    with pytest.raises(UserError) as failure:
        read_layers(path, [])
    message = str(failure.value)
    assert message.startswith(f"{path}: received runner.")
    assert first in message
    assert second in message
    assert message.endswith("expected one of them")
    overrides = [f"runner.{name}={value}".replace("'", "") for name, value in runner.items()]
    with pytest.raises(UserError, match="-o: received runner"):
        read_layers(write_config(MINIMAL), overrides)


@pytest.mark.parametrize(
    ("earlier", "override", "kept"),
    [
        ({"test_pair_file": "x"}, "test_data_dir=null", {"test_data_dir": None}),
        ({"valid_data_dir": "x"}, "valid_pair_file=null", {"valid_pair_file": None}),
        (
            {"infer_start_epoch": 1},
            "infer_end_epoch=3",
            {"infer_start_epoch": 1, "infer_end_epoch": 3},
        ),
        ({"valid_data_dir": "x"}, "valid_fraction=0.0", {"valid_data_dir": "x"}),
        ({"model_init_path": "x"}, "resume=none", {"model_init_path": "x"}),
        ({"infer_start_epoch": 1}, "infer_checkpoint=null", {"infer_start_epoch": 1}),
    ],
)
def test_what_says_nothing_leaves_the_others(write_config, earlier, override, kept):
    path = write_config({**MINIMAL, "runner": earlier})
    runner = read_layers(path, [f"runner.{override}"]).blocks["runner"]
    assert runner.items() >= kept.items()
    assert set(runner) <= {*kept, override.partition("=")[0]}
