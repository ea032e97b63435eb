"""From a preset, single keys, and the files of other libraries; mistakes: test_encoder.py."""

import dataclasses
import json

import pytest

from textzoo.config.schema import EncoderSettings
from textzoo.errors import UserError
from textzoo.nets.architecture import PRESETS, Architecture, chosen_architecture, read_architecture

BERT = {"model_type": "bert", "vocab_size": 30, "hidden_size": 24, "num_attention_heads": 3}


def read(folder, content, name="config.json"):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return read_architecture(folder)


def test_what_a_file_leaves_out_is_as_in_bert(tmp_path):
    expected = Architecture(hidden_size=24, num_attention_heads=3)
    assert read(tmp_path, BERT) == (expected, "bert", 30, 0)
    assert expected.num_hidden_layers == 12 and expected.layer_norm_eps == 1e-12


@pytest.mark.parametrize(
    ("facts", "family"),
    [
        ({"model_type": "ernie"}, "ernie"),
        ({"architectures": ["BertForMaskedLM"]}, "bert"),
        ({"architectures": ["AlbertModel"]}, "albert"),
        ({"architectures": ["XLMRobertaForMaskedLM"]}, "xlm-roberta"),
        ({"model_type": "camembert"}, "camembert"),
        ({"embedding_size": 16}, "albert"),  # as Google wrote it
        ({"init_args": [{"init_class": "ErnieModel"}], "init_class": "AnyOther"}, "ernie"),
    ],
)
def test_a_family_is_known_by_any_of_its_signs(tmp_path, facts, family):
    sizes = {key: BERT[key] for key in ("vocab_size", "hidden_size", "num_attention_heads")}
    assert read(tmp_path, {**sizes, **facts})[1] == family


@pytest.mark.parametrize("name", ["roberta-prelayernorm", "ernie_m", "distilbert"])
def test_a_family_with_a_similar_name_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"model_type: received '{name}', expected one of bert"):
        read(tmp_path, {**BERT, "model_type": name})


@pytest.mark.parametrize(
    ("facts", "first", "positions"),
    [
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 2, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 40, "pad_token_id": 5}, 6, 34),
        ({"model_type": "camembert", "max_position_embeddings": 514, "pad_token_id": None}, 2, 512),
        ({"model_type": "roberta"}, 2, 510),
        ({"model_type": "roberta", "cls_token_id": 5, "pad_token_id": 1}, 2, 510),
        # PaddleNLP: BERT by another name, and RoBERTa itself.
        ({"init_class": "RobertaModel", "max_position_embeddings": 512}, 0, 512),
        ({"architectures": ["RobertaModel"], "paddlenlp_version": None}, 0, 512),
        ({"init_class": "RobertaModel", "cls_token_id": 0, "pad_token_id": 1}, 2, 510),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 1}, 0, 512),
    ],
)
def test_positions_of_roberta_begin_behind_those_of_padding(tmp_path, facts, first, positions):
    sizes = {key: BERT[key] for key in ("vocab_size", "hidden_size", "num_attention_heads")}
    found = read(tmp_path, {**sizes, **facts})
    assert found.first_position == first
    assert found.architecture.max_position_embeddings == positions


def test_layers_of_albert_are_one(tmp_path):
    found = read(tmp_path, {**BERT, "model_type": "albert"}).architecture
    assert found.share_layers and found.embedding_size == 128 and found.hidden_dropout_prob == 0


def test_paddlenlp_nests_its_keys_and_leaves_paddle_s_epsilon(tmp_path):
    content = {"init_args": [{**BERT, "hidden_act": "relu"}], "init_class": "AnyOther"}
    found, family, size, _ = read(tmp_path, content, "model_config.json")
    assert (family, size, found.hidden_size, found.hidden_act) == ("bert", 30, 24, "relu")
    assert found.layer_norm_eps == 1e-5


def test_all_that_cannot_be_built_is_listed(tmp_path):
    wrong = {"position_embedding_type": "relative_key", "hidden_act": "swish", "model_type": "bert"}
    with pytest.raises(UserError) as refused:
        read(tmp_path, wrong)
    for name in ("position_embedding_type", "hidden_act", "vocab_size", "hidden_size"):
        assert name in str(refused.value)
    with pytest.raises(UserError, match="num_attention_heads"):
        read(tmp_path, {**BERT, "num_attention_heads": 5})
    with pytest.raises(UserError, match=r"holds no config\.json"):
        read_architecture(tmp_path.parent / tmp_path.name / "..")
    with pytest.raises(UserError) as refused:
        read_architecture(tmp_path / "none")
    assert str(refused.value) == f"no such folder of an encoder: {tmp_path / 'none'}"


@pytest.mark.parametrize("value", [True, -1, 0, 10**30, 1.5, "x", [], {}, ["BertModel"]])
@pytest.mark.parametrize("name", ["vocab_size", "hidden_size", "num_attention_heads"])
def test_numbers_of_other_kinds_and_ranges_are_refused(tmp_path, name, value):
    with pytest.raises(UserError, match=rf"{name}: received "):
        read(tmp_path, {**BERT, name: value})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"model_type": "roberta", "pad_token_id": "1"}, "pad_token_id: received '1'"),
        ({"hidden_act": ["gelu"]}, "hidden_act: received"),
        ({"model_type": 1, "architectures": 5}, "model_type: received 1"),
        ({"model_type": "", "init_args": 5}, "model_type: received ''"),
    ],
)
def test_values_of_other_kinds_are_refused(tmp_path, facts, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, {**BERT, **facts})


@pytest.mark.parametrize("content", [None, 5, "abc", [], [1]])
def test_a_configuration_has_keys(tmp_path, content):
    with pytest.raises(UserError, match="expected keys with values"):
        read(tmp_path, content)


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json: cannot be read as JSON: .*too deeply"):
        read_architecture(tmp_path)


def test_a_key_without_a_value_is_one_that_is_left_out(tmp_path):
    nothing = dict.fromkeys(["architectures", "init_args", "num_hidden_layers", "pad_token_id"])
    assert read(tmp_path, {**BERT, **nothing}) == read(tmp_path, BERT)
    roberta = {**BERT, "model_type": "roberta"}
    assert read(tmp_path, {**roberta, **nothing}) == read(tmp_path, roberta)


def test_a_pretrained_folder_has_its_own_sizes(tmp_path):
    read(tmp_path, {**BERT, "max_position_embeddings": 40})
    of_folder = chosen_architecture(EncoderSettings(pretrained=tmp_path))
    assert (of_folder.hidden_size, of_folder.max_position_embeddings) == (24, 40)
    same = EncoderSettings(pretrained=tmp_path, hidden_size=24, hidden_dropout_prob=0.3)
    assert chosen_architecture(same) == dataclasses.replace(of_folder, hidden_dropout_prob=0.3)


def test_all_keys_that_contradict_a_pretrained_folder_are_named_in_one_line(tmp_path):
    read(tmp_path, BERT)
    (tmp_path / "other").mkdir()
    read(tmp_path / "other", {**BERT, "intermediate_size": 7, "layer_norm_eps": 0.1})
    settings = EncoderSettings(
        pretrained=tmp_path,
        config=tmp_path / "other" / "config.json",
        num_hidden_layers=4,
        hidden_act="relu",
        num_attention_heads=3,
    )
    with pytest.raises(UserError) as refused:
        chosen_architecture(settings)
    assert str(refused.value) == (
        f"hyper_parameters.encoder: contradicts encoder.pretrained, {tmp_path}: "
        "num_hidden_layers: received 4, it has 12; hidden_act: received relu, it has gelu; "
        f"config: {tmp_path / 'other' / 'config.json'} has another intermediate_size; clear them: "
        "-o hyper_parameters.encoder.num_hidden_layers=null "
        "hyper_parameters.encoder.hidden_act=null hyper_parameters.encoder.config=null"
    )


def test_single_keys_change_a_preset_or_a_file(tmp_path):
    read(tmp_path, BERT)
    assert chosen_architecture(EncoderSettings()) == PRESETS["small"]
    tiny = chosen_architecture(EncoderSettings(config="tiny", num_hidden_layers=1))
    assert (tiny.num_hidden_layers, tiny.hidden_size) == (1, PRESETS["tiny"].hidden_size)
    of_file = chosen_architecture(EncoderSettings(config=tmp_path, hidden_act="relu"))
    assert (of_file.hidden_size, of_file.hidden_act) == (24, "relu")
    assert chosen_architecture(EncoderSettings(pretrained=tmp_path)).hidden_size == 24
