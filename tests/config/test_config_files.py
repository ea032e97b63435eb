import pytest
from harness.configs import MINIMAL, load, problems

from textzoo.config.layers import read_layers
from textzoo.errors import UserError

# ------------------------------------------------------------------ overrides


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("runner.metrics=[accuracy, recall@3]", ["accuracy", "recall@3"]),
        ("runner.metrics=['a=b']", ["a=b"]),
        ("reader.pattern=a=b=c", "a=b=c"),
        ("reader.pattern=", None),
        ("reader.pattern='7'", "7"),
        ("runner.epochs=3", 3),
        ("runner.max_grad_norm=1e-3", 0.001),
        ("runner.max_grad_norm=5E5", 500000.0),
        ("runner.max_grad_norm=+1.5e+2", 150.0),
        ("runner.use_gpu=true", True),
        ("a.b.c.d=1", 1),
    ],
)
def test_override_values_are_yaml(write_config, override, expected):
    value = read_layers(write_config("{}"), [override]).blocks
    for part in override.partition("=")[0].split("."):
        value = value[part]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", ["1e-3x", "e5", "1e", "a1e-3"])
def test_texts_that_only_look_like_numbers_stay_texts(write_config, text):
    assert (
        read_layers(write_config("{}"), [f"reader.pattern={text}"]).blocks["reader"]["pattern"]
        == text
    )


def test_an_override_goes_before_the_file_and_the_last_one_wins(write_config):
    path = write_config({**MINIMAL, "runner": {"epochs": 1, "seed": 5}})
    runner = load(path, ["runner.epochs=2", "runner.epochs=3"]).runner
    assert (runner.epochs, runner.seed) == (3, 5)


def test_an_override_may_hold_a_whole_block(write_config):
    config = load(write_config(MINIMAL), ["hyper_parameters.optimizer={learning_rate: 0.5}"])
    assert (config.optimizer.class_name, config.optimizer.learning_rate) == ("Adam", 0.5)


@pytest.mark.parametrize(
    "override", ["runner.epochs", "=3", ".epochs=3", "runner.=3", "runner..epochs=3", ""]
)
def test_a_malformed_override_is_refused(write_config, override):
    with pytest.raises(UserError, match="expected key=value"):
        read_layers(write_config(MINIMAL), [override])


def test_an_override_that_is_no_yaml_is_refused(write_config):
    with pytest.raises(UserError, match=r"-o runner\.metrics=\[a: the value is not valid YAML"):
        read_layers(write_config(MINIMAL), ["runner.metrics=[a"])


def test_a_typo_in_an_override_is_refused(write_config):
    assert problems(write_config(MINIMAL), ["runner.epoch=3"]) == [
        "runner.epoch: unknown key; did you mean runner.epochs?"
    ]


# ------------------------------------------------------------------ inheritance


def test_base_is_read_first_and_merged_key_by_key(write_config):
    write_config({"runner": {"epochs": 1, "seed": 1, "patience": 1}, **_adam(0.1)}, "a.yaml")
    write_config({"base": "a.yaml", "runner": {"epochs": 2, "seed": 2}}, "b.yaml")
    path = write_config({"base": "b.yaml", "runner": {"epochs": 3}, **_adam(0.3)}, "c.yaml")
    config = load(path)
    assert (config.runner.epochs, config.runner.seed, config.runner.patience) == (3, 2, 1)
    assert config.optimizer.learning_rate == 0.3


def test_base_paths_start_from_the_file_that_names_them(write_config):
    write_config(MINIMAL, "models/one/config.yaml")
    write_config({"base": "../one/config.yaml", "runner": {"epochs": 4}}, "models/two/middle.yaml")
    path = write_config({"base": "models/two/middle.yaml"}, "top.yaml")
    assert load(path).runner.epochs == 4


def test_a_config_that_inherits_from_itself_is_refused(write_config):
    write_config({"base": "b.yaml"}, "a.yaml")
    path = write_config({"base": "sub/../a.yaml"}, "b.yaml")
    (path.parent / "sub").mkdir()
    with pytest.raises(UserError, match="inherits from itself through `base`"):
        read_layers(path, [])


def test_base_must_be_a_path(write_config):
    with pytest.raises(UserError, match=r"base: received \['a.yaml'\], expected the path"):
        read_layers(write_config({"base": ["a.yaml"]}), [])


def test_a_missing_base_is_named(write_config):
    path = write_config({"base": "gone.yaml"})
    with pytest.raises(UserError, match=r"gone\.yaml: no such config file"):
        read_layers(path, [])


def test_the_model_folder_is_the_nearest_one_with_a_net(write_config, tmp_path):
    write_config(MINIMAL, "models/one/config.yaml")
    write_config("", "models/one/net.py")
    mine = write_config({"base": "../models/one/config.yaml"}, "mine/config.yaml")
    assert read_layers(mine, []).model_folder.resolve() == tmp_path / "models" / "one"
    write_config("", "mine/net.py")
    assert read_layers(mine, []).model_folder.resolve() == tmp_path / "mine"


def test_the_model_folder_is_that_of_the_config_when_no_folder_has_a_net(write_config, tmp_path):
    assert read_layers(write_config(MINIMAL, "x/config.yaml"), []).model_folder == tmp_path / "x"


# ------------------------------------------------------------------ paths


def test_relative_paths_start_from_the_file_they_are_written_in(
    write_config, tmp_path, monkeypatch
):
    base = {"runner": {"train_data_dir": "data/train", "test_data_dir": "data/test"}, **_adam(0.1)}
    write_config(base, "one/config.yaml")
    path = write_config(
        {"base": "../one/config.yaml", "runner": {"test_data_dir": "../here"}}, "two/config.yaml"
    )
    elsewhere = tmp_path / "cwd"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    overrides = ["runner.valid_data_dir=mine", "runner.resume=out/3", "runner.infer_ensemble=[a,b]"]
    runner = load(path, overrides).runner
    assert runner.train_data_dir == tmp_path / "one" / "data" / "train"
    assert runner.test_data_dir == tmp_path / "here"
    assert runner.valid_data_dir == elsewhere / "mine"
    assert runner.resume == elsewhere / "out" / "3"
    assert runner.infer_ensemble == [elsewhere / "a", elsewhere / "b"]
    # A default is in no file: it starts from the config that was named.
    assert runner.model_save_path == tmp_path / "two" / "output_model"


def test_absolute_paths_and_home_are_kept(write_config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    absolute = tmp_path / "somewhere"
    overrides = [f"runner.train_data_dir={absolute}", "runner.test_data_dir=~/data"]
    runner = load(write_config(MINIMAL), overrides).runner
    assert runner.train_data_dir == absolute
    assert runner.test_data_dir == tmp_path / "home" / "data"


@pytest.mark.parametrize("word", ["auto", "none"])
def test_words_that_resume_knows_are_no_paths(write_config, word):
    assert load(write_config(MINIMAL), [f"runner.resume={word}"]).runner.resume == word


# ------------------------------------------------------------------ files that cannot be read


def test_a_key_given_twice_is_refused_with_its_line(write_config):
    path = write_config("runner:\n  epochs: 1\n  epochs: 2\n")
    with pytest.raises(UserError, match=r"the key 'epochs' is given twice[\s\S]*line 3"):
        read_layers(path, [])


@pytest.mark.parametrize(
    ("content", "received"), [("- a\n- b", "list"), ("just words", "str"), ("", "NoneType")]
)
def test_a_file_that_is_no_mapping_is_refused(write_config, content, received):
    path = write_config(content)
    with pytest.raises(UserError, match=f"received {received}, expected blocks"):
        read_layers(path, [])


def test_invalid_yaml_is_refused_with_its_line(write_config):
    with pytest.raises(UserError, match=r"is not valid YAML[\s\S]*line 2"):
        read_layers(write_config("runner:\n  epochs: [1\n"), [])


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("runner: {}  # caf\xe9".encode("latin-1"))
    with pytest.raises(UserError, match=r"config\.yaml: is not UTF-8 \(byte 17\)"):
        read_layers(path, [])


def test_python_objects_in_yaml_are_not_constructed(write_config, tmp_path):
    target = tmp_path / "made"
    path = write_config(f"runner: !!python/object/apply:os.mkdir ['{target}']")
    with pytest.raises(UserError, match="is not valid YAML"):
        read_layers(path, [])
    assert not target.exists()


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no such config file"):
        read_layers(tmp_path / "none.yaml", [])
    with pytest.raises(UserError, match="is a folder; expected a YAML file such as"):
        read_layers(tmp_path, [])


def _adam(rate):
    return {"hyper_parameters": {"optimizer": {"class": "Adam", "learning_rate": rate}}}
