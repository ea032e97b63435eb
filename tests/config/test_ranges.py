"""Every number of a config has its range, judged before any data are read."""

import typing

import pytest
from harness.configs import OUT_OF_RANGE
from harness.running import ROOT

from textzoo.config.checking import schema_of, signature_fields
from textzoo.config.loading import load_config
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import MAX_INT, Block, IndexSettings, Optimizer, Runner
from textzoo.errors import UserError

MODELS = ("tagspace", "xmlcnn", "multilabel", "batchneg", "hardestneg")


def refusal(model, *overrides):
    with pytest.raises(UserError) as failure:
        load_config(ROOT / "models" / model / "config.yaml", list(overrides))
    return str(failure.value)


@pytest.mark.parametrize(
    ("model", "override", "says"),
    [
        *OUT_OF_RANGE,
        ("tagspace", "runner.threshold=.nan", "received nan (float), expected one of tuned"),
        ("tagspace", "hyper_parameters.margin=.nan", "expected float, >= 0, finite"),
        ("multilabel", "hyper_parameters.loss=softmax", "softmax needs levels"),
        ("batchneg", "runner.save_scores=5", "a model that embeds texts scores no labels"),
        ("multilabel", "hyper_parameters.encoder.freeze_layers=9", "encoder has 1 layers"),
        ("tagspace", "hyper_parameters.optimizer.layer_decay=0.5", "no layers of a transformer"),
        # what only the constructors find
        ("tagspace", "hyper_parameters.ngram_dim=5", "ngram_dim: needs n-grams"),
        ("batchneg", "hyper_parameters.encoder.max_position_embeddings=5", "expected at least"),
    ],
)
def test_a_value_out_of_its_range_is_refused(model, override, says):
    has_positions = ("hyper_parameters.encoder.config=tiny",) if model == "batchneg" else ()
    message = refusal(model, override, *has_positions)
    assert override.partition("=")[0].rpartition(".")[2] in message
    assert says in message


@pytest.mark.parametrize("given", ["weight=2", "regularisation=.nan", "label_means=[1]"])
def test_of_a_key_of_several_types_there_is_one_problem(given):
    message = refusal("xmlcnn", f"hyper_parameters.linear.{given}")
    assert "1 problem(s)" in message and message.count("hyper_parameters.linear.") == 1


def test_a_net_beyond_the_memory_is_refused():
    sizes = ("hyper_parameters.emb_dim=1048576", "hyper_parameters.hid_dim=1048576")
    assert "its sizes need more memory than there is; lower them" in refusal("tagspace", *sizes)


def numbers(annotation, metadata=()):
    """Every int and float in a type, with what limits it."""
    if annotation in (int, float):
        yield annotation, metadata
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        limits = [limit for each in more for limit in getattr(each, "metadata", [each])]
        yield from numbers(inner, limits)
    elif typing.get_origin(annotation) is not typing.Literal:
        for inner in typing.get_args(annotation):
            yield from numbers(inner)


def fields_of_all_blocks():
    for block in (Runner, IndexSettings, Optimizer):
        for name in block.model_fields:
            annotation = typing.get_type_hints(block, include_extras=True)[name]
            yield block.__name__, name, annotation
    for model in MODELS:
        folder = load_model_folder(ROOT / "models" / model)
        for source in (folder.net, folder.reader):
            for name, (annotation, _) in signature_fields(source).items():
                if isinstance(annotation, type) and issubclass(annotation, Block):
                    hints = typing.get_type_hints(annotation, include_extras=True)
                    for inner in annotation.model_fields:
                        yield model, f"{name}.{inner}", hints[inner]
                else:
                    yield model, name, annotation


def test_every_number_of_every_model_has_a_lowest_and_a_highest_value():
    found = {}
    for owner, name, annotation in fields_of_all_blocks():
        for kind, limits in numbers(annotation):
            lowest = [getattr(limit, sign, None) for limit in limits for sign in ("gt", "ge")]
            highest = [getattr(limit, sign, None) for limit in limits for sign in ("lt", "le")]
            assert any(each is not None for each in lowest), (owner, name)
            assert any(each is not None for each in highest), (owner, name)
            found[kind] = found.get(kind, 0) + 1
    assert min(found.values()) > 30


def test_the_highest_count_is_accepted():
    folder = load_model_folder(ROOT / "models" / "tagspace")
    runner = schema_of(folder.net, folder.reader).model_fields["runner"].annotation
    assert runner(epochs=MAX_INT).epochs == MAX_INT
