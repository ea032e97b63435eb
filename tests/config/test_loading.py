"""A config with its model folder: what only both together can be wrong about."""

import functools

import pytest
from conftest import ROOT
from harness.own_model import fitted, write_own_model
from harness.pretrained import write_hugging_face
from harness.tokenizer_files import write_tokenizer

from textzoo.config.loading import (
    build_reader,
    construct,
    load_config,
    load_without_net,
    net_arguments,
)
from textzoo.errors import UserError

OF_THE_LIBRARY = "from textzoo.readers.tagspace import Reader"


@pytest.fixture
def own(tmp_path):
    """A function that makes a model folder of the user's."""
    return functools.partial(write_own_model, tmp_path)


def test_a_config_comes_with_the_classes_of_its_folder(own):
    path = own()
    config, folder = load_config(path, ["hyper_parameters.hid_dim=7"])
    assert folder.path == path.parent.resolve()
    assert (config.hyper_parameters["emb_dim"], config.hyper_parameters["hid_dim"]) == (4, 7)
    assert isinstance(build_reader(config, folder), folder.reader)


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        ("reader.py", OF_THE_LIBRARY, "class Reader:\n    pass", "Reader does not derive from"),
        ("dygraph_model.py", "(Model[Net])", "", "DygraphModel does not derive from"),
    ],
)
def test_classes_that_do_not_keep_to_the_contract_are_refused_by_file(
    own, file, before, after, says
):
    path = own(file, before, after)
    with pytest.raises(UserError) as refused:
        load_config(path, [])
    assert str(refused.value).startswith(f"{path.parent.resolve()}/{file}: {says}")


def test_values_that_only_a_constructor_can_judge_are_refused_by_block(own):
    path = own()
    with pytest.raises(UserError, match=r"config\.yaml: hyper_parameters: ngram_dim: needs n-gr"):
        load_config(path, ["hyper_parameters.ngram_dim=2"])
    with pytest.raises(UserError, match=r"config\.yaml: reader: token_pattern: '\[': unterminated"):
        load_config(path, ["reader.token_pattern='['"])


def test_without_the_net_all_but_its_own_keys_are_checked_as_with_it(own):
    path = own()
    overrides = ["reader.max_len=9", "runner.epochs=2", "hyper_parameters.vocab_tag_size=7"]
    (ours, _), (theirs, _) = (load(path, overrides) for load in (load_without_net, load_config))
    assert (ours.runner, ours.reader, ours.linear) == (theirs.runner, theirs.reader, theirs.linear)
    assert ours.hyper_parameters["vocab_tag_size"] == 7
    load_without_net(path, ["hyper_parameters.no_such_argument=1"])
    for override, says in {
        "runner.epoch=2": r"runner\.epoch: unknown key; did you mean runner\.epochs",
        "reader.max_len=a": r"reader\.max_len: received 'a'",
        "hyper_parameters.vocab_tag_size=a": r"hyper_parameters\.vocab_tag_size: received 'a'",
        "hyper_parameters.linear.features=all": r"hyper_parameters\.linear\.features: received",
    }.items():
        with pytest.raises(UserError, match=says):
            load_without_net(path, [override])


def test_a_fault_of_a_constructor_is_no_mistake_of_the_config(own):
    config, _ = load_config(own(), [])
    with pytest.raises(TypeError):
        construct(config, "reader", lambda: None, unknown=1)


def test_the_net_gets_the_sizes_of_the_data_unless_larger_ones_are_stated(own):
    config, folder = load_config(own(), [])
    reader = fitted(build_reader(config, folder))
    found = net_arguments(config, reader)
    assert found["vocab_tag_size"] == 4 and found["emb_dim"] == 4
    words = found["vocab_text_size"]
    larger, _ = load_config(config.path, [f"hyper_parameters.vocab_text_size={words + 5}"])
    assert net_arguments(larger, reader)["vocab_text_size"] == words + 5
    smaller, _ = load_config(config.path, [f"hyper_parameters.vocab_text_size={words - 1}"])
    with pytest.raises(UserError, match=rf"received {words - 1}, but the training data has"):
        net_arguments(smaller, reader)
    nameless, _ = load_config(config.path, ["hyper_parameters.vocab_tag_size=5"])
    with pytest.raises(UserError, match="vocab_tag_size: received 5, but the training data has 4"):
        net_arguments(nameless, reader)


def test_a_reader_that_does_not_give_a_size_that_it_names_is_refused(own):
    config, folder = load_config(own(), [])
    reader = fitted(build_reader(config, folder))
    reader.supplies = (*reader.supplies, "vocab_place_size")
    with pytest.raises(UserError, match=r"\.py: Reader\.sizes: .*vocab_place_size too"):
        net_arguments(config, reader)


@pytest.fixture
def pretrained(tmp_path):
    """An encoder of 3 layers, 12 wide, with 16 positions, and its tokenizer."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    write_hugging_face(folder, "bert", vocab_size=80)
    write_tokenizer(folder, "wordpiece", ["the player plays"] * 9, 80)
    return folder


@pytest.mark.parametrize(
    ("model", "config", "keys"),
    [
        ("batchneg", "config.yaml", []),  # n-grams
        ("batchneg", "config_transformer.yaml", []),
        ("hardestneg", "config.yaml", []),
        ("hardestneg", "config_bigdata.yaml", []),
        ("multilabel", "config.yaml", ["num_hidden_layers"]),
        (
            *("multilabel", "config_bigdata.yaml"),
            ["num_hidden_layers", "hidden_size", "num_attention_heads"],
        ),
        ("multilabel", "config_pretrained.yaml", []),
    ],
)
def test_a_pretrained_folder_goes_with_any_config(pretrained, model, config, keys):
    path = ROOT / "models" / model / config
    overrides = [f"hyper_parameters.encoder.pretrained={pretrained}", "reader.max_len=16"]
    if keys:
        with pytest.raises(UserError) as refused:
            load_config(path, overrides)
        assert "\n" not in str(refused.value)
        cleared = str(refused.value).partition("clear them: -o ")[2].split()
        assert cleared == [f"hyper_parameters.encoder.{key}=null" for key in keys]
        overrides += cleared
    loaded, folder = load_config(path, overrides)
    assert loaded.reader["tokenizer"] == pretrained
    reader = build_reader(loaded, folder)
    reader.fit([], {})
    net = folder.net(**net_arguments(loaded, reader) | {"max_len": 16, **_LABELS.get(model, {})})
    assert net.encoder.width == 12


_LABELS = {"multilabel": {"vocab_label_size": 2}}


def test_what_a_pretrained_encoder_cannot_have_is_named(pretrained):
    path = ROOT / "models" / "batchneg" / "config.yaml"
    overrides = [f"hyper_parameters.encoder.pretrained={pretrained}"]
    with pytest.raises(UserError) as refused:
        load_config(path, [*overrides, "reader.max_len=17"])
    assert str(refused.value) == (
        "reader.max_len: received 17, expected at most 16: the pretrained encoder "
        f"{pretrained} knows no more positions; -o reader.max_len=16"
    )
    with pytest.raises(UserError, match=r"tokenizer of its own: -o reader\.tokenizer=null"):
        load_config(path, [*overrides, "reader.max_len=16", "reader.tokenizer=ngram"])
