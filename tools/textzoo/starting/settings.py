"""Settings of a model that suit someone's rows, each with its reason.

The figures behind the rules are in the cards of the models, and in doc/linear.md. What is said of
minutes is for 2 cores.
"""

import math
from typing import Any, NamedTuple, Optional

from textzoo.nets.encoder import NGRAM_WIDTH
from textzoo.starting.facts import Facts, Labels

_FEW_ROWS = 20  # of a label, in the mean: with fewer a net learns less than the linear part
_FEW = 2_000  # rows: the same, whatever the labels
_STEPS = 2_500  # after which a net has learned most, if it sees no row too often
_LEAST_EPOCHS = 3  # of many rows, if there is time
_MOST_EPOCHS = {"tagspace": 5, "xmlcnn": 12, "multilabel": 14}
_SOME_VALID, _MOST_VALID = 0.1, 10_000  # rows that choose: a share, and how many
_VALID_PAIRS = 1_000
_SHORT = 100  # characters of a text without spaces, of which longer n-grams tell no more
_MANY_PAIRS = 300_000  # beyond which counting n-grams in each of them takes too long
_LEAST_BUCKETS, _MOST_BUCKETS = 8_192, 131_072  # of n-grams in pairs
_BUCKETS_OF_A_CHARACTER = 8
# Words, or characters, that the nets below read in so many minutes.
_MINUTES = 8
_READ = {"tagspace": 60e6, "xmlcnn": 13e6, "multilabel": 10e6}
_LONGEST = {"tagspace": 300, "xmlcnn": 500, "multilabel": 256, "batchneg": 256, "hardestneg": 256}


class Chosen(NamedTuple):
    """A value, and why it is this one."""

    value: Any
    why: str = ""


Settings = dict[str, Any]  # blocks of `Chosen`, or of values without a reason


def label_settings(model: str, facts: Facts, labels: Labels) -> tuple[Settings, str]:
    """Blocks of a config of a model that scores labels, and what is trained, in words.

    Args:
        model: its name.
        facts: of the training rows.
        labels: theirs.
    """
    alone = _linear_alone(model, facts, labels)
    runner, reader, net = _nets(model, facts) if not alone else _untrained(model)
    if alone:
        runner = {"valid_fraction": Chosen(0, "rows left out in turn choose"), **runner}
        runner["epochs"] = Chosen(0, f"the linear part alone: {alone}")
        said = f"the linear part alone, without a net: {alone}"
    else:
        runner = {"valid_fraction": _held_out(facts.n_rows, _SOME_VALID, _MOST_VALID), **runner}
        n_epochs = runner["epochs"].value
        minutes = math.ceil(_MINUTES * n_epochs * facts.n_units / _READ[model])
        said = f"a net beside a linear part, epochs {n_epochs}: about {minutes} min on 2 cores"
    if labels.separator is not None:
        why = "a cell is one label" if not labels.separator else "what is between labels here"
        reader = {"label_separator": Chosen(labels.separator, why), **reader}
    net["linear"] = _linear(facts)
    return {"runner": runner, "reader": reader, "hyper_parameters": net}, said


def _linear(facts: Facts) -> Settings:
    if not facts.is_unspaced:
        return {"features": Chosen("both", "n-grams of words and, within them, of characters")}
    why = f"{_percent(facts.unspaced)} are of scripts without spaces"
    settings: Settings = {"features": Chosen("characters", why)}
    if facts.length(50, "characters") <= _SHORT:
        short = Chosen(2, "texts are short, as in the next two")
        settings |= {"ngram_max": short, "term_frequency": "binary", "idf_power": 0.7}
    return settings


def _linear_alone(model: str, facts: Facts, labels: Labels) -> str:
    """Why no net is trained; nothing if one is."""
    of_label = labels.n_named / len(labels.counts) * facts.n_rows / len(facts.rows)
    if of_label < _FEW_ROWS:
        return f"a label has {of_label:.1f} rows in the mean, too few for a net"
    if facts.n_rows < _FEW:
        return f"{facts.n_rows:,} rows are few for a net"
    if facts.n_units > _READ[model]:
        return f"a net would read these rows for more than {_MINUTES} minutes"
    return ""


def _epochs(model: str, facts: Facts, batch: int) -> Chosen:
    by_steps = min(_MOST_EPOCHS[model], max(_LEAST_EPOCHS, round(_STEPS * batch / facts.n_rows)))
    by_time = max(1, int(_READ[model] / facts.n_units))
    if by_time < by_steps:
        return Chosen(by_time, f"{_MINUTES} minutes on 2 cores")
    return Chosen(by_steps, f"some {by_steps * facts.n_rows // batch:,} steps")


def _batch(n_rows: int) -> int:
    return 32 if n_rows < 10_000 else 64 if n_rows < 20_000 else 128


def _held_out(n_rows: int, share: float, most: int) -> Chosen:
    fraction = min(share, most / n_rows)
    fraction = float(f"{fraction:.2g}")
    return Chosen(fraction, f"{round(fraction * n_rows):,} rows choose the checkpoint")


def _max_len(model: str, facts: Facts, unit: str = "") -> Chosen:
    """The longest text, as 99 of 100 are, in whole tens."""
    unit, most = unit or facts.unit, _LONGEST[model]
    found = facts.length(99, unit)
    # Marks are words to tagspace, and words may be several pieces to multilabel.
    room = 1.3 if unit == "words" and model in ("tagspace", "multilabel") else 1
    length = max(20, 10 * math.ceil((room * found + 2 * (model == "multilabel")) / 10))
    if length > most:
        return Chosen(
            most, f"longer ones take time; 95 % have up to {facts.length(95, unit):,} {unit}"
        )
    pieces = ", which are more tokens" if room > 1 else ""
    return Chosen(length, f"99 % of texts have up to {found:,} {unit}{pieces}")


def _token_pattern(facts: Facts) -> Optional[Chosen]:
    if not facts.has_spaces:
        return Chosen(r"[A-Za-z0-9_]+|\w", "a character is a word: these texts have no spaces")
    if facts.is_unspaced:
        return Chosen(r"\S+", "these texts have spaces between words")
    return None


def _nets(model: str, facts: Facts) -> tuple[Settings, Settings, Settings]:
    """Runner, reader and hyper-parameters with a net: those that gave most on public data."""
    batch = _batch(facts.n_rows)
    runner: Settings = {
        "train_batch_size": Chosen(batch, f"{facts.n_rows:,} rows"),
        "epochs": _epochs(model, facts, batch),
    }
    pattern = _token_pattern(facts)
    reader: Settings = {} if pattern is None else {"token_pattern": pattern}
    if model == "tagspace":
        reader = reader or {"token_pattern": r"\w+|[^\w\s]"}
        reader |= {"max_len": _max_len(model, facts), "min_count": 2, "ngram_buckets": 500_000}
        return runner, reader, {
            "optimizer": _optimizer("Adagrad", 0.05, 0.05),
            **{"emb_dim": 64, "tag_dim": 100, "hid_dim": 128, "win_size": 3, "ngram_dim": 64},
            **{"word_dropout": 0.5, "filter_dropout": 0.3, "ngram_dropout": 0.6},
            **{"sparse": True, "loss": "softmax"},
        }  # fmt: skip
    if model == "xmlcnn":
        reader |= {"max_len": _max_len(model, facts), "min_count": 2, "ngram_buckets": 50_000}
        return runner, reader, {
            "optimizer": _optimizer("Adam", 0.002),
            **{"emb_dim": 128, "windows": [3], "n_filters": 128, "n_chunks": 1, "hidden_dim": 0},
            "ngram_dim": 64,
            **{"word_dropout": 0.1, "hidden_dropout": 0.3, "ngram_dropout": 0.3},
        }  # fmt: skip
    return runner, {"max_len": _max_len(model, facts)}, {
        "optimizer": _optimizer("AdamW", 0.002, 0.1),
        "encoder": {"num_hidden_layers": 0, "hidden_size": 128, "num_attention_heads": 4},
        **{"head": "textcnn", "windows": [2, 3, 4, 5], "n_filters": 128},
        **{"word_dropout": 0.1, "dropout": 0.3, "loss": "multilabel_softmax"},
    }  # fmt: skip


def _optimizer(name: str, learning_rate: float, warmup: float = 0.0) -> Settings:
    own: Settings = {"class": name, "learning_rate": learning_rate, "schedule": "linear"}
    return own | ({"warmup": warmup} if warmup else {})


def _untrained(model: str) -> tuple[Settings, Settings, Settings]:
    """The same with a net that is not trained, and so as small as may be."""
    optimizer = {
        "class": "Adam",
        "learning_rate": Chosen(0.003, "as all below, of no account here"),
    }
    if model == "tagspace":
        sizes: Settings = {"emb_dim": 4, "tag_dim": 4, "hid_dim": 4, "loss": "softmax"}
    elif model == "xmlcnn":
        sizes = {"emb_dim": 4, "windows": [3], "n_filters": 4, "n_chunks": 1, "hidden_dim": 0}
    else:
        encoder = {"num_hidden_layers": 0, "hidden_size": 4, "num_attention_heads": 1}
        sizes = {"encoder": {**encoder, "embedding_size": 4}, "head": "linear"}
        sizes["loss"] = "multilabel_softmax"
    return {}, {}, {"optimizer": optimizer, **sizes}


def level_settings(facts: Facts) -> tuple[Settings, str]:
    """The same of multilabel for levels, which have no linear part."""
    batch = _batch(facts.n_rows)
    epochs = _epochs("multilabel", facts, batch)
    settings = {
        "runner": {
            "valid_fraction": _held_out(facts.n_rows, _SOME_VALID, _MOST_VALID),
            "train_batch_size": Chosen(batch, f"{facts.n_rows:,} rows"),
            "epochs": epochs,
        },
        "reader": {"max_len": _max_len("multilabel", facts)},
        "hyper_parameters": {
            "optimizer": _optimizer("AdamW", 0.001, 0.1),
            "encoder": {"config": "tiny", "num_hidden_layers": 1},
            **{"head": "textcnn", "n_filters": 64},
            "loss": Chosen("softmax", "levels"),
        },
    }
    return settings, f"a net, epochs {epochs.value}"


def pair_settings(model: str, facts: Facts) -> tuple[Settings, str]:
    """The same of a model of pairs."""
    most = 1024 if model == "batchneg" else 256
    batch = min(most, max(16, 2 ** int(math.log2(max(1, facts.n_rows / 20)))))
    epochs = 3 if model == "batchneg" else 1
    runner: Settings = {
        "valid_fraction": _held_out(facts.n_rows, _SOME_VALID, _VALID_PAIRS),
        "train_batch_size": Chosen(batch, f"{facts.n_rows:,} pairs"),
        "epochs": epochs,
        "metrics": ["recall@1", "recall@10", "recall@50", "mrr"],
        "best_metric": "recall@10",
    }
    ngram_max = Chosen(4, "characters: these texts have spaces")
    if facts.is_unspaced:
        ngram_max = Chosen(
            2, f"characters: {_percent(facts.unspaced)} are of scripts without spaces"
        )
    reader: Settings = {
        "max_len": _max_len(model, facts, "characters"),
        "ngram_buckets": _buckets(facts),
        "ngram_max": ngram_max,
    }
    n_negatives = max(len(row.texts) for row in facts.rows) - 2
    if n_negatives > 1:
        reader["max_negatives"] = Chosen(n_negatives, "as many as a row has")
    net: Settings = {
        "optimizer": {"class": "Adam", "learning_rate": 0.01},
        "encoder": {"config": "ngram", "hidden_dropout_prob": 0.3},
        "output_emb_size": None,
    }
    net |= (
        {"margin": 0.0, "scale": 20, "symmetric": True} if model == "batchneg" else {"margin": 0.2}
    )
    settings: Settings = {"runner": runner, "reader": reader, "hyper_parameters": net}
    if facts.n_rows <= _MANY_PAIRS:
        features, longest = ("characters", 2) if facts.is_unspaced else ("within_words", 5)
        settings["index"] = {
            "lexical_weight": Chosen("auto", "n-grams that two texts share count too"),
            **{"lexical_features": features, "lexical_ngram_max": longest},
        }
    return settings, f"embeddings of n-grams of characters, epochs {epochs}"


def _buckets(facts: Facts) -> Chosen:
    """As many as figures were measured with, or some for each character of little data."""
    found = 2 ** math.ceil(math.log2(_BUCKETS_OF_A_CHARACTER * max(1, facts.n_characters)))
    buckets = min(_MOST_BUCKETS, max(_LEAST_BUCKETS, found))
    return Chosen(buckets, f"{4 * NGRAM_WIDTH * buckets / 1e6:.0f} MB of weights")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} % of characters"
