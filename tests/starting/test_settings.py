from collections import Counter

import pytest

from textzoo.starting.facts import Facts, Labels, Row
from textzoo.starting.settings import label_settings, level_settings, pair_settings


def facts_of(n_rows, words=20, characters=100, **more):
    return Facts(n_rows, [Row("", words, characters, (1, 2))] * 100, **more)


def labels_of(n_labels, n_each=50, **more):
    return Labels(Counter({f"label {n}": n_each for n in range(n_labels)}), **more)


@pytest.mark.parametrize(
    ("n_rows", "n_labels", "reason"),
    [
        (50_000, 4, None),
        (1_000, 4, "1,000 rows are few for a net"),
        (50_000, 5_000, None),  # a hundred rows each had 50 of each label: 500 times as many
        (3_000_000, 4, "more than 8 minutes"),
    ],
)
def test_where_rows_are_few_or_too_many_the_linear_part_is_alone(n_rows, n_labels, reason):
    settings, said = label_settings("xmlcnn", facts_of(n_rows, words=5), labels_of(n_labels))
    epochs = settings["runner"]["epochs"]
    assert (epochs.value == 0) == (reason is not None)
    assert not reason or (reason in epochs.why and reason in said)
    assert (settings["runner"]["valid_fraction"].value == 0) == (epochs.value == 0)


def test_labels_of_few_rows_leave_the_linear_part_alone():
    settings, said = label_settings("tagspace", facts_of(10_000), labels_of(1_000, 1 / 10))
    assert settings["runner"]["epochs"].value == 0
    assert "a label has 10.0 rows in the mean" in said
    settings, _ = label_settings("tagspace", facts_of(10_000), labels_of(1_000, 1 / 4))
    assert settings["runner"]["epochs"].value > 0


def test_a_net_sees_few_rows_more_often_and_many_as_often_as_there_is_time():
    def epochs(model, n_rows, words):
        settings, _ = label_settings(model, facts_of(n_rows, words), labels_of(4))
        return settings["runner"]["epochs"].value

    assert epochs("xmlcnn", 3_000, 20) == 12
    assert epochs("xmlcnn", 50_000, 5) == 6  # 2,500 steps of 128
    assert epochs("tagspace", 1_500_000, 20) == 2  # 60 million words
    assert epochs("xmlcnn", 50_000, 100) == 2


def test_no_more_rows_are_held_out_than_choose_well():
    settings, _ = label_settings("tagspace", facts_of(5_000), labels_of(4))
    assert settings["runner"]["valid_fraction"].value == 0.1
    settings, _ = label_settings("tagspace", facts_of(1_000_000), labels_of(4))
    assert settings["runner"]["valid_fraction"].value == 0.01


@pytest.mark.parametrize(
    ("written", "pattern", "features"),
    [
        ({}, r"\w+|[^\w\s]", "both"),
        ({"unspaced": 0.9}, r"[A-Za-z0-9_]+|\w", "characters"),
        ({"unspaced": 0.9, "is_segmented": True}, r"\S+", "characters"),
    ],
)
def test_words_and_ngrams_are_as_texts_are_written(written, pattern, features):
    settings, _ = label_settings("tagspace", facts_of(5_000, **written), labels_of(4))
    found = settings["reader"]["token_pattern"]
    assert getattr(found, "value", found) == pattern
    linear = settings["hyper_parameters"]["linear"]
    assert linear["features"].value == features
    assert ("ngram_max" in linear) == (features == "characters")
    long = facts_of(5_000, characters=500, **written)
    settings, _ = label_settings("tagspace", long, labels_of(4))
    assert "ngram_max" not in settings["hyper_parameters"]["linear"]


def test_the_longest_text_is_that_of_99_in_100():
    rows = [Row("", words, 5 * words, (1, 2)) for words in range(1, 201)]
    settings, _ = label_settings("xmlcnn", Facts(5_000, rows), labels_of(4))
    assert settings["reader"]["max_len"].value == 200
    assert settings["reader"]["max_len"].why == "99 % of texts have up to 198 words"
    settings, _ = pair_settings("batchneg", Facts(5_000, rows))  # of 990 characters
    assert settings["reader"]["max_len"].value == 256
    assert "95 % have up to 950 characters" in settings["reader"]["max_len"].why


def test_a_separator_is_written_with_what_it_means():
    for separator, why in ([";"], "what is between labels here"), ([], "a cell is one label"):
        labels = labels_of(4, separator=separator)
        settings, _ = label_settings("multilabel", facts_of(5_000), labels)
        assert settings["reader"]["label_separator"] == (separator, why)


def test_batches_of_pairs_and_counted_ngrams_hang_on_how_many_there_are():
    def of(model, n_rows, **more):
        return pair_settings(model, facts_of(n_rows, **more))[0]

    assert of("batchneg", 1_500)["runner"]["train_batch_size"].value == 64
    assert of("batchneg", 1_000_000)["runner"]["train_batch_size"].value == 1024
    assert of("hardestneg", 1_000_000)["runner"]["train_batch_size"].value == 256
    assert of("batchneg", 25_000)["runner"]["valid_fraction"].value == 0.04
    assert of("batchneg", 300_000)["index"]["lexical_weight"].value == "auto"
    assert "index" not in of("batchneg", 300_001)
    assert of("batchneg", 5_000, unspaced=0.9)["reader"]["ngram_max"].value == 2


def test_levels_have_no_linear_part():
    settings, _ = level_settings(facts_of(5_000))
    assert "linear" not in settings["hyper_parameters"]
    assert settings["hyper_parameters"]["loss"].value == "softmax"


@pytest.mark.parametrize(
    ("n_rows", "characters", "buckets", "megabytes"),
    [(20, 10, 8_192, 8), (120, 15, 16_384, 17), (12_000, 15, 131_072, 134)],
)
def test_little_data_of_pairs_have_fewer_buckets(n_rows, characters, buckets, megabytes):
    settings, _ = pair_settings("batchneg", facts_of(n_rows, characters=characters))
    found = settings["reader"]["ngram_buckets"]
    assert found == (buckets, f"{megabytes} MB of weights")
