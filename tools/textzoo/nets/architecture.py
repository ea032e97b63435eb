"""The sizes of a transformer encoder: from a preset, or from the config.json of other libraries."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pydantic

from textzoo.config.schema import MAX_INT, EncoderSettings
from textzoo.errors import UserError
from textzoo.files import how_to_fetch, read_json

# Each with what the names of its classes begin with.
_CLASSES = {
    "bert": "Bert",
    "ernie": "Ernie",
    "albert": "Albert",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "camembert": "Camembert",
}
FAMILIES = tuple(_CLASSES)
ROBERTAS = ("roberta", "xlm-roberta", "camembert")
_ROBERTA_POSITIONS = 512  # the default of transformers, those of padding included
# Files that hold a configuration, in the order in which they are looked for in a folder.
_CONFIG_FILES = ("config.json", "model_config.json")


@dataclass(frozen=True)
class Architecture:
    """All that decides the form of an encoder but the size of its vocabulary.

    The attributes are named and described in `schema.Encoder`. The defaults are those of BERT.

    Raises:
        ValueError: the width cannot be divided among the heads.
    """

    num_hidden_layers: int = 12
    hidden_size: int = 768
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    embedding_size: Optional[int] = None
    share_layers: bool = False
    norm_first: bool = False
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    use_task_id: bool = False
    task_type_vocab_size: int = 3
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"encoder.hidden_size: received {self.hidden_size}, expected a multiple of "
                f"num_attention_heads ({self.num_attention_heads})"
            )


# tiny and base: Turc et al. 2019; small: TinyBERT, Jiao et al. 2020.
PRESETS = {
    "tiny": Architecture(
        num_hidden_layers=2, hidden_size=128, num_attention_heads=2, intermediate_size=512
    ),
    "small": Architecture(
        num_hidden_layers=4, hidden_size=312, num_attention_heads=12, intermediate_size=1248
    ),
    "base": Architecture(),
}
_FIELDS = [field.name for field in dataclasses.fields(Architecture)]
# What a config may change of a pretrained encoder.
_FREE = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "layer_norm_eps",
    "initializer_range",
)


class PretrainedEncoder(NamedTuple):
    """What a config.json says of an encoder.

    Attributes:
        architecture: its sizes.
        family: one of `FAMILIES`.
        vocab_size: number of tokens.
        first_position: the row of the position embeddings that a text's first token has. RoBERTa
            leaves those below to padding; `architecture.max_position_embeddings` is without them.
    """

    architecture: Architecture
    family: str
    vocab_size: int
    first_position: int


def chosen_architecture(settings: EncoderSettings) -> Architecture:
    """The architecture that an `encoder` block describes.

    Raises:
        UserError: a file that it names cannot be read, or describes another kind of encoder.
        ValueError: sizes do not fit each other.
    """
    chosen = {name: getattr(settings, name) for name in _FIELDS}
    given = {name: value for name, value in chosen.items() if value is not None}
    if settings.pretrained:
        base = read_architecture(settings.pretrained).architecture
        _check_sizes(settings, base, given)
    elif isinstance(settings.config, Path):
        base = read_architecture(settings.config).architecture
    else:
        base = PRESETS[settings.config or "small"]
    return dataclasses.replace(base, **given)


def _check_sizes(settings: EncoderSettings, base: Architecture, given: dict[str, Any]) -> None:
    """Refuse what contradicts the folder of a pretrained encoder.

    Raises:
        UserError: naming all such keys, and how to clear them.
    """
    wrong = {name: value for name, value in given.items() if name not in _FREE}
    wrong = {name: value for name, value in wrong.items() if value != getattr(base, name)}
    named = [
        f"{name}: received {value}, it has {getattr(base, name)}" for name, value in wrong.items()
    ]
    if isinstance(settings.config, Path):
        other = read_architecture(settings.config).architecture
        differing = [
            name
            for name in _FIELDS
            if name not in _FREE and getattr(other, name) != getattr(base, name)
        ]
        if differing:
            wrong["config"] = settings.config
            named.append(f"config: {settings.config} has another {', '.join(differing)}")
    if wrong:
        cleared = " ".join(f"hyper_parameters.encoder.{name}=null" for name in wrong)
        raise UserError(
            f"hyper_parameters.encoder: contradicts encoder.pretrained, {settings.pretrained}: "
            f"{'; '.join(named)}; clear them: -o {cleared}"
        )


def read_architecture(path: Path) -> PretrainedEncoder:
    """Read a config.json of Hugging Face or PaddleNLP, or a folder that holds one.

    Raises:
        UserError: there is no such file, or it describes an encoder that the zoo does not have.
    """
    file = _config_file(path)
    try:
        content = read_json(file)
    except (OSError, ValueError) as failure:
        raise UserError(f"{file}: cannot be read as JSON: {failure}{how_to_fetch(file)}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: received a {type(content).__name__}, expected keys with values")
    facts = _flat(content)
    for name in ("vocab_size", "pad_token_id", *_FIELDS):
        if facts.get(name) is None:
            facts.pop(name, None)
    family = _family(facts)
    if family is None:
        raise UserError(
            f"{file}: model_type: received {facts.get('model_type')!r}, expected one of "
            + ", ".join(FAMILIES)
        )
    other = {
        "position_embedding_type": "absolute",
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "ln_type": "postln",
    }
    problems = [
        f"{name}: received {facts[name]!r}, only {expected!r} is supported"
        for name, expected in other.items()
        if facts.get(name, expected) != expected
    ]
    missing = [name for name in ("vocab_size", "hidden_size") if name not in facts]
    problems += [f"{name}: missing" for name in missing]
    problems += _misfits(facts, family)
    activations = {"gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new"}
    activation = facts.get("hidden_act", "gelu")
    facts["hidden_act"] = activations.get(str(activation), activation)
    if facts["hidden_act"] not in ("gelu", "gelu_new", "relu"):
        problems.append(
            f"hidden_act: received {facts['hidden_act']!r}, expected gelu, gelu_new or relu"
        )
    if problems:
        raise UserError(f"{file}: this encoder cannot be built:\n  " + "\n  ".join(problems))
    defaults: dict[str, Any] = {}
    if family == "albert":
        defaults = {
            "share_layers": True,
            "embedding_size": 128,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
    elif file.name == "model_config.json":
        defaults = {"layer_norm_eps": 1e-5}  # Paddle's own, which PaddleNLP leaves as it is
    first_position = _first_position(facts, family)
    known = {name: facts[name] for name in _FIELDS if name in facts}
    if first_position:
        positions = facts.get("max_position_embeddings", _ROBERTA_POSITIONS)
        known["max_position_embeddings"] = positions - first_position
    try:
        architecture = Architecture(**{**defaults, **known})
    except ValueError as problem:
        raise UserError(f"{file}: {problem}") from None
    return PretrainedEncoder(architecture, family, facts["vocab_size"], first_position)


def _misfits(facts: dict[str, Any], family: str) -> list[str]:
    """What is wrong with the numbers of a config.json."""
    problems, numbers = [], {"vocab_size": 1}
    if family in ROBERTAS:
        numbers["pad_token_id"] = 0
    for name, least in numbers.items():
        value = facts.get(name, least)
        if type(value) is not int or not least <= value <= MAX_INT:
            problems.append(f"{name}: received {value!r}, expected a number from {least}")
    given = {name: facts[name] for name in _FIELDS if name in facts and name != "hidden_act"}
    try:
        EncoderSettings.model_validate(given)
    except pydantic.ValidationError as failure:
        problems += [
            f"{error['loc'][0]}: received {error['input']!r}: {error['msg']}"
            for error in failure.errors()
        ]
    return problems


def _first_position(facts: dict[str, Any], family: str) -> int:
    """See `PretrainedEncoder`.

    PaddleNLP's RobertaModel counts from 0 unless the file says that `[CLS]` has the id 0: its
    Chinese encoders are BERTs by another name.
    """
    of_paddle = facts.get("init_class") or "paddlenlp_version" in facts
    if family not in ROBERTAS or (of_paddle and facts.get("cls_token_id", 101) != 0):
        return 0
    padding = facts.get("pad_token_id")
    return (1 if padding is None else padding) + 1


def _config_file(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"no such folder of an encoder: {path}{how_to_fetch(path)}")
    if not path.is_dir():
        return path
    for name in _CONFIG_FILES:
        if (path / name).is_file():
            return path / name
    raise UserError(f"{path}: holds no {' or '.join(_CONFIG_FILES)}")


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """The keys of a config; older ones of PaddleNLP nest those of the encoder in `init_args`."""
    facts = dict(content)
    inners = facts.pop("init_args", ())
    for inner in inners if isinstance(inners, list) else ():
        if isinstance(inner, dict):
            facts = {**_flat(inner), **facts, "init_class": inner.get("init_class")}
    return facts


def _family(facts: dict[str, Any]) -> Optional[str]:
    listed = facts.get("architectures")
    names = [facts.get("model_type"), facts.get("init_class")]
    names += listed if isinstance(listed, list) else ()
    names = [name for name in names if isinstance(name, str) and name]
    if not names and "embedding_size" in facts:  # Google's own ALBERT
        return "albert"
    for name in names:
        for family, of_class in _CLASSES.items():
            # "BertModel" and "bert", but not "ernie_m"
            if name.lower() == family or name.startswith((f"{of_class}M", f"{of_class}For")):
                return family
    return None
