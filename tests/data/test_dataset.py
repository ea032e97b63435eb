import numpy as np
import pytest
from harness.workspace import MODELS

from textzoo.config.loading import build_reader, load_config
from textzoo.data.dataset import Dataset, in_turn
from textzoo.distributed import collectives
from textzoo.errors import UserError

LINES = [f"{'even' if n % 2 == 0 else 'odd'}\tnumber {n}\n" for n in range(20)]
SPLITS = ("train", "valid", "test")


@pytest.fixture
def dataset_of(tmp_path):
    """A function that makes the data set of some splits, given as lists of lines."""

    def make(*overrides, **lines):
        places = [f"runner.{split}_data_dir=null" for split in SPLITS]
        for split, own in lines.items():
            (tmp_path / f"{split}.tsv").write_text("".join(own), encoding="utf-8")
            places.append(f"runner.{split}_data_dir={tmp_path / split}.tsv")
        places.append(f"runner.cache_dir={tmp_path / 'cache'}")
        config, folder = load_config(MODELS["tagspace"].config, [*places, *overrides])
        return Dataset(config, folder)

    return make


def texts(rows, chosen):
    return [rows.line(int(row)).text for row in chosen]


def test_without_validation_data_rows_are_held_out_the_same_ones_for_a_seed(dataset_of):
    first, again, other = (
        dataset_of("runner.valid_fraction=0.2", f"runner.seed={seed}", train=LINES).for_training()
        for seed in (1, 1, 2)
    )
    assert len(first.train) == 16 and len(first.valid) == 4
    assert sorted([*first.train, *first.valid]) == list(range(20))
    assert first.valid_rows is first.train_rows
    np.testing.assert_array_equal(first.valid, again.valid)
    assert list(first.valid) != list(other.valid)


def test_validation_data_are_read_whole_with_the_vocabulary_of_the_training_rows(dataset_of):
    valid = ["odd\tnumber 3\n", "even\tanother number\n"]
    data = dataset_of("runner.valid_fraction=0.5", train=LINES, valid=valid).for_training()
    assert len(data.train) == 20
    assert texts(data.valid_rows, data.valid) == [line.rstrip("\n") for line in valid]
    words = data.reader.word_ids
    assert "number" in words and "another" not in words
    assert len(data.contents["train"]) == len(data.contents["valid"]) == 1
    assert data.contents["train"] != data.contents["valid"]


def test_rows_follow_the_vocabulary_that_is_given(dataset_of):
    of_train = dataset_of(train=LINES, test=["odd\tnumber 3\n"])
    vocabulary = of_train.vocabulary()
    reader = build_reader(of_train._config, of_train._folder, vocabulary)
    (ids,) = of_train.rows("test", reader, vocabulary).columns["words"].padded(np.arange(1))[0]
    assert ids.tolist() == [reader.word_ids["number"], reader.word_ids["3"]]
    other = dataset_of(train=["odd\tnothing of it\n", "even\tat all\n"])
    assert other.for_training(vocabulary).reader.word_ids == reader.word_ids


def test_examples_come_from_the_test_rows_or_else_from_those_of_training(dataset_of):
    test = ["odd\tone\n", "no tab\n", "even\ttwo\n", "odd\tthree\n"]
    with_test = dataset_of(train=LINES, test=test)
    reader = with_test.for_training().reader
    assert with_test.example_texts(reader, 2) == ["one", "two"]
    assert dataset_of(train=LINES).example_texts(reader, 2) == ["number 0", "number 1"]
    with pytest.raises(UserError, match="received no row"):
        dataset_of(train=LINES, test=["no tab\n"]).example_texts(reader, 2)
    with pytest.raises(UserError, match=r"runner\.test_data_dir: missing"):
        dataset_of().example_texts(reader, 2)


def test_a_split_that_the_config_does_not_name_is_named(dataset_of):
    data = dataset_of(train=LINES)
    assert data.splits == ["train"]
    assert [path.name for path in data.files("train")] == ["train.tsv"]
    with pytest.raises(UserError, match=r"config\.yaml: runner\.valid_data_dir: missing"):
        data.path("valid")


@pytest.mark.parametrize(("rank", "order"), [(0, "load, wait, wait"), (1, "wait, load, wait")])
def test_the_first_process_of_a_machine_loads_before_the_others(monkeypatch, rank, order):
    done = []
    monkeypatch.setattr(collectives, "rank_on_machine", lambda: rank)
    monkeypatch.setattr(collectives, "barrier", lambda: done.append("wait"))
    assert in_turn(lambda: done.append("load") or "the data") == "the data"
    assert ", ".join(done) == order


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"\xef\xbb\xbf"], ids=["empty", "blank", "mark"]
)
def test_a_file_without_rows_is_named(tmp_path, model, content):
    file = tmp_path / "train.tsv"
    file.write_bytes(content)
    overrides = [f"runner.train_data_dir={file}", f"runner.cache_dir={tmp_path / 'cache'}"]
    data = Dataset(*load_config(MODELS[model].config, overrides))
    with pytest.raises(UserError, match=r"train\.tsv: received no rows, expected one example a"):
        data.for_training()


def test_a_fold_that_is_left_out_is_neither_trained_nor_validated_on(dataset_of):
    seen = []
    for fold in range(1, 5):
        fraction = "runner.valid_fraction=0.2"
        data = dataset_of(fraction, f"runner.left_out_fold={fold}/4", train=LINES).for_training()
        assert sorted([*data.train, *data.valid, *data.left_out]) == list(range(20))
        assert len(data.left_out) == 5 and len(data.valid) == 3
        seen += texts(data.train_rows, data.left_out)
    assert sorted(seen) == sorted(line.rstrip("\n") for line in LINES)


def test_what_is_evaluated_is_the_fold_or_else_the_test_rows(dataset_of):
    lines = {"train": LINES, "test": ["odd\tnumber 3\n"]}
    plain, fold = dataset_of(**lines), dataset_of("runner.left_out_fold=2/4", **lines)
    vocabulary = plain.vocabulary()
    reader = build_reader(plain._config, plain._folder, vocabulary)
    assert texts(*plain.to_evaluate(reader, vocabulary)) == ["odd\tnumber 3"]
    rows, chosen = fold.to_evaluate(reader, vocabulary)
    assert chosen.tolist() == fold.for_training().left_out.tolist()
    shares = [text.partition("\t")[0] for text in texts(rows, chosen)]
    assert {shares.count("odd"), shares.count("even")} == {2, 3}  # stratified
