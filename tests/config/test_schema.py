from pathlib import Path

import pydantic
import pytest

from textzoo.config.schema import Embedding, IndexSettings, Optimizer, Runner


def test_a_block_takes_no_unknown_key_and_converts_nothing():
    with pytest.raises(pydantic.ValidationError, match="epoch"):
        Runner.model_validate({"epoch": 3})
    for value in ("3", 3.0, True, -1):
        with pytest.raises(pydantic.ValidationError, match="epochs"):
            Runner.model_validate({"epochs": value})
    assert Runner.model_validate({"epochs": 3, "model_save_path": "a"}).model_save_path == Path("a")


def test_what_is_read_and_written_follows_from_where_a_run_is_saved():
    runner = Runner(model_save_path=Path("run"))
    assert (runner.load_path, runner.output_path) == (Path("run"), Path("run/infer"))
    runner = Runner(model_save_path=Path("run"), infer_load_path=Path("old"))
    assert (runner.load_path, runner.output_path) == (Path("old"), Path("old/infer"))
    assert Runner(infer_output_dir=Path("out")).output_path == Path("out")


def test_files_of_pairs_are_another_name_of_the_data():
    pairs = Runner(valid_pair_file=Path("v"), test_pair_file=Path("t"))
    assert (pairs.valid_data, pairs.test_data) == (Path("v"), Path("t"))
    both = Runner(test_data_dir=Path("d"), test_pair_file=Path("t"))
    assert both.test_data == Path("d") and both.valid_data is None


@pytest.mark.parametrize(
    ("file", "mode", "fits"),
    [
        (None, "rand", True),
        (Path("v"), "static", True),
        (Path("v"), "non_static", True),
        (Path("v"), "rand", False),
        (None, "static", False),
    ],
)
def test_word_vectors_and_their_file_go_together(file, mode, fits):
    embedding = Embedding(file=file, mode=mode)
    if fits:
        embedding.check()
    else:
        with pytest.raises(ValueError, match=rf"embedding\.mode: received {mode}"):
            embedding.check()


def test_a_token_is_not_shown_nor_written():
    settings = IndexSettings(token="user:secret")
    assert "secret" not in repr(settings) and "token" not in settings.model_dump()
    assert settings.token.get_secret_value() == "user:secret"


def test_an_optimizer_keeps_the_arguments_of_its_class():
    optimizer = Optimizer.model_validate({"class": "Adam", "learning_rate": 0.1, "beta1": 0.5})
    assert optimizer.class_name == "Adam"
    assert optimizer.model_dump(mode="json", by_alias=True)["beta1"] == 0.5
