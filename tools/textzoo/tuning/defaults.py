"""What is searched where a config says nothing of it: the keys that matter for what it trains."""

from typing import Any

from textzoo.config.checking import Config
from textzoo.config.schema import EncoderSettings
from textzoo.config.search import Between, Choices, Space

_FACTOR, _FACTOR_OF_PRETRAINED = 4, 2  # by which the learning rate is varied, up and down
_SOME, _MUCH = 0.3, 0.5  # of dropout: of whole words, and of what is computed


def default_search(config: Config) -> dict[str, Space]:
    """What is searched for each dotted key.

    Args:
        config: a key that has no effect in it is left out, such as the margin of another loss.
    """
    found = _of_net(config) if config.runner.epochs else {}
    return {**found, **_of_linear(config)}


def _of_net(config: Config) -> dict[str, Space]:
    net, optimizer = config.hyper_parameters, config.optimizer
    encoder = net.get("encoder")
    pretrained = isinstance(encoder, EncoderSettings) and encoder.pretrained
    factor = _FACTOR_OF_PRETRAINED if pretrained else _FACTOR
    rate, batch = optimizer.learning_rate, config.runner.train_batch_size
    keys: dict[str, Space] = {
        "hyper_parameters.optimizer.learning_rate": _around(rate, factor),
        "runner.train_batch_size": Choices(sorted({max(1, batch // 2), batch, 2 * batch})),
    }
    if isinstance(decay := (optimizer.model_extra or {}).get("weight_decay"), float) and decay:
        keys["hyper_parameters.optimizer.weight_decay"] = _around(decay, 10)
    for name, value in net.items():
        if name == "word_dropout":
            keys["hyper_parameters.word_dropout"] = Between(0.0, max(_SOME, value))
        elif name.endswith("dropout") and value:
            keys[f"hyper_parameters.{name}"] = Between(0.0, max(_MUCH, value))
    if isinstance(encoder, EncoderSettings):
        hidden = encoder.hidden_dropout_prob or 0
        if hidden or encoder.config == "ngram":
            key = "hyper_parameters.encoder.hidden_dropout_prob"
            keys[key] = Between(0.0, max(_MUCH, hidden))
    if net.get("margin") is not None and net.get("loss", "margin") == "margin":
        margin = net["margin"]
        keys["hyper_parameters.margin"] = Between(margin / 4, 2 * margin or 0.4)
    if scale := net.get("scale"):
        keys["hyper_parameters.scale"] = _around(scale, 2)
    return keys


def _of_linear(config: Config) -> dict[str, Space]:
    """Of the linear part: beside a net what counts in it, alone which n-grams there are, too."""
    linear = config.linear
    if linear.features == "none":
        return {}
    keys: dict[str, Any] = {
        "idf_power": Between(0.5, 1.5),
        "term_frequency": Choices(["sublinear", "binary"]),
    }
    if not config.runner.epochs:
        if linear.features != "auto":
            usual = linear.ngram_max or (3 if linear.features == "characters" else 2)
            keys["ngram_max"] = Choices(list(range(max(1, usual - 1), usual + 2)))
        if linear.features in ("both", "auto"):
            keys["character_weight"] = _around(linear.character_weight, 2)
        keys["label_balance"] = Between(0.0, max(0.6, linear.label_balance))
    return {f"hyper_parameters.linear.{name}": space for name, space in keys.items()}


def _around(value: float, factor: float) -> Between:
    return Between(value / factor, value * factor, log=True)
