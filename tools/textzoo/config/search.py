"""The block `search` of a config: which values `textzoo tune` may give to which keys."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Optional, Union

import pydantic

from textzoo.config.schema import SEARCHABLE, SearchRange
from textzoo.errors import nearest, shown

_ARGUMENTS = "hyper_parameters.optimizer."  # of its class, which judges them itself


@dataclass(frozen=True)
class Choices:
    """Values of which one is taken.

    Attributes:
        values: as a config has them; paths are absolute.
    """

    values: list[Any]


@dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`.

    Attributes:
        low: the lowest.
        high: the highest.
        log: whether factors count alike, not differences.
        step: only every so much above `low`; None: all.
        is_whole: whether they are whole numbers.
    """

    low: float
    high: float
    log: bool = False
    step: Optional[float] = None
    is_whole: bool = False


Space = Union[Choices, Between]
# Gives for a key and a value of it the value as a checked config has it, and what is wrong with it.
Try = Callable[[str, Any], tuple[Any, list[str]]]


def searchable(keys: Collection[str]) -> list[str]:
    """Which of all dotted keys a search may vary."""
    named = {f"{block}.{name}" for block, names in SEARCHABLE.items() for name in names}
    whole = ("reader.", "hyper_parameters.")
    return [key for key in keys if key in named or key.startswith(whole)]


def read_search(
    block: Any, keys: Collection[str], place: Callable[[str], str], attempt: Try
) -> tuple[dict[str, Space], list[str]]:
    """What is searched for each dotted key, and what is wrong with the block.

    Args:
        block: as the YAML has it; None: nothing is searched.
        keys: all dotted keys of the model's configs but those of the optimizer's class.
        place: where a key of the block is written.
        attempt: tries the config with another value.
    """
    if block is None:  # takes away all that a base searches
        return {}, []
    if not isinstance(block, Mapping):
        return {}, [
            f"search: received {shown(block)}, expected keys such as "
            "hyper_parameters.optimizer.learning_rate with a list or a range each"
        ]
    found: dict[str, Space] = {}
    problems = []
    for key, given in block.items():
        if given is None:  # takes away what a base searches
            continue
        wrong = _wrong_key(key, keys)
        if not wrong:
            space, wrong = _read(key, given, attempt)
            if space:
                found[key] = space
        problems += [f"{place(key)}: search.{problem}" for problem in wrong]
    return found, problems


def _wrong_key(key: str, keys: Collection[str]) -> list[str]:
    valid = searchable(keys)
    if key in valid or (key.startswith(_ARGUMENTS) and key.count(".") == 2):
        return []
    if key in keys:
        return [
            f"{key}: is no key to search: it says on which rows, by what or where runs are judged; "
            f"expected one of reader, hyper_parameters, {', '.join(searchable_elsewhere())}"
        ]
    ends = [name for name in valid if name.rpartition(".")[2] == key.rpartition(".")[2]]
    hint = f"did you mean {' or '.join(ends)}?" if ends else nearest(key, valid)
    if len(hint) > 200 or any(name.startswith(f"{key}.") for name in valid):
        hint = "expected a dotted key such as hyper_parameters.optimizer.learning_rate"
    return [f"{key}: unknown key; {hint}"]


def searchable_elsewhere() -> list[str]:
    """The keys of the other blocks that a search may vary."""
    return [f"{block}.{name}" for block, names in SEARCHABLE.items() for name in names]


def _read(key: str, given: Any, attempt: Try) -> tuple[Optional[Space], list[str]]:
    if isinstance(given, list):
        tried = [attempt(key, value) for value in given]
        problems = [problem for _, wrong in tried for problem in wrong]
        values = [value for value, _ in tried]
        if not values:
            problems.append(f"{key}: received [], expected at least one value")
        elif any(value in values[:i] for i, value in enumerate(values)):
            problems.append(f"{key}: received {shown(given)}, expected each value once")
        return (Choices(values), problems)
    if not isinstance(given, dict):
        expected = "a list of values, or a range such as {low: 1e-4, high: 1e-2, log: true}"
        return None, [f"{key}: received {shown(given)}, expected {expected}"]
    try:
        read = SearchRange.model_validate(given)
    except pydantic.ValidationError as failure:
        return None, [_explained(key, error) for error in failure.errors(include_url=False)]
    ends = (read.low, read.high)
    problems = [problem for end in ends for problem in attempt(key, end)[1]]
    if any(isinstance(part, float) for part in (*ends, read.step)):
        is_whole = False
    else:
        is_whole = bool(attempt(key, read.low + (read.high - read.low) / 2 + 0.25)[1])
    return Between(read.low, read.high, read.log, read.step, is_whole), problems


def _explained(key: str, error: Mapping[str, Any]) -> str:
    """What is wrong with a range."""
    if error["type"] == "value_error":
        return f"{key}: {error['ctx']['error']}"
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{key}.{name}: missing; expected a number"
    if error["type"] == "extra_forbidden":
        return f"{key}.{name}: unknown key; {nearest(name, list(SearchRange.model_fields))}"
    expected = (
        "true or false" if name == "log" else "a number, > 0" if name == "step" else "a number"
    )
    received = error["input"]
    return (
        f"{key}.{name}: received {shown(received)} ({type(received).__name__}), expected {expected}"
    )
