"""Mutated configs and overrides: refused in words, or accepted with values that make sense.

TEXTZOO_FUZZ is how many there are.
"""

import json
import math
import os
import shutil
import signal
import traceback
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from harness.running import ROOT

from textzoo.config.checking import Config, schema_of
from textzoo.config.loading import load_config
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import ALTERNATIVES, Block
from textzoo.distributed.launching import processes_to_start
from textzoo.errors import UserError

N_CONFIGS = int(os.environ.get("TEXTZOO_FUZZ", "5000"))
SECONDS = 60  # for one config: only what hangs takes so long

MODELS = ("tagspace", "xmlcnn", "multilabel", "batchneg", "hardestneg")
# No number lies between what a small net has and what none may have: no case needs much memory.
VALUES = (
    *("", "null", "~", "true", "yes", "off", "0", "1", "2", "7", "-1", "0.0", "0.5", "1.0", "1.5"),
    *("-0.5", "1e-3", "1e30", "1e400", "-1e400", ".inf", "-.inf", ".nan", "2147483648"),
    *("18446744073709551616", "9" * 5000, "12:30:45", "1_000", "0o17", "0777", "0x1F"),
    *("2020-01-01", "2020-99-99", "[]", "{}", "[[]]", "[1, x]", "{a: b}", "[null]", "[.nan]"),
    *("a: b", "#x", "x #y", "&a b", "*a", "&a [*a]", "[&a b, *a]", "!!int abc", "!!map [1]"),
    *("!!python/object:os.system x", "? [a] : b", "- a", "--- a", "| a", "'", '"', "'a", '"\\0"'),
    *(
        '"\\ud800"',
        '"\\UFFFFFFFF"',
        "%a",
        "@a",
        "`",
        "x\0y",
        "\udc80",
        "\ufeff",
        "\u2028",
        " ",
        "é",
    ),
    *("a" * 300, "a/" * 3000, "~nobody/x", "/dev/null", ".", "..", "-", "//", "[" * 2000, "auto"),
)
PIECES = (
    *("\n", "\n  ", "\n? ", ": ", " #", "&a ", "*a", "!!int ", "!!map ", "- ", "[", "]", "{", "}"),
    *(
        "'",
        '"',
        "|",
        ">",
        "---\n",
        "...\n",
        "%YAML 9.9\n",
        "\t",
        "\0",
        "\x01",
        "\ufeff",
        "<<: ",
        "é",
    ),
    *(
        "\ud800",
        "\\x",
        "\n  epochs: x",
        "\nrunner: 3",
        "base: config.yaml\n",
        ".nan",
        "-",
        "~",
        "\r",
    ),
)


@pytest.mark.slow
def test_mutated_configs(tmp_path):
    problems, n_accepted = problems_with_configs(tmp_path, N_CONFIGS)
    assert problems == []
    assert 0.02 < n_accepted / N_CONFIGS < 0.9  # the cases are neither all broken nor all whole


def problems_with_configs(place: Path, n: int, seed: int = 0) -> tuple[list[str], int]:
    """Mutate configs of all models; returns what went wrong, and how many were accepted.

    Args:
        place: a folder.
        n: how many to mutate.
        seed: each gives others.
    """
    texts, keys = {}, {}
    for model in MODELS:
        source, folder = ROOT / "models" / model, place / model
        folder.mkdir()
        for file in source.glob("*.py"):
            shutil.copy(file, folder)
        texts[model] = (source / "config.yaml").read_text(encoding="utf-8")
        loaded = load_model_folder(folder)
        keys[model] = list(keys_of(schema_of(loaded.net, loaded.reader)))
    problems, n_accepted = [], 0
    for case in range(n):
        random = np.random.default_rng([seed, case])
        model = MODELS[case % len(MODELS)]
        path = place / model / "mutated.yaml"
        content = mutated(texts[model], random) if random.random() < 0.5 else texts[model].encode()
        path.write_bytes(content)
        overrides = [override(keys[model], random) for _ in range(random.integers(0, 4))]
        try:
            with limited(SECONDS):
                if case % 4 == 0:
                    processes_to_start(path, overrides)
                found = nonsense(load_config(path, overrides)[0], overrides)
            n_accepted += 1
        except UserError as refusal:
            found = unclear(str(refusal))
        except BaseException:
            found = traceback.format_exc()
        if found:
            problems.append(f"seed {seed}, case {case}: {model}, -o {overrides}: {found}")
    return problems, n_accepted


def keys_of(block: type[Block], prefix: str = ""):
    """The dotted name of every key of a block and the blocks in it."""
    for name, field in block.model_fields.items():
        yield f"{prefix}{field.alias or name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Block):
            yield from keys_of(field.annotation, f"{prefix}{name}.")


def mutated(text: str, random: np.random.Generator) -> bytes:
    """A config's text with a few pieces put in, lines repeated, moved or left out, bytes broken."""
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    for _ in range(random.integers(1, 4)):
        at, what = random.integers(len(lines)), random.integers(6)
        line = lines[at]
        if what == 0:
            lines.insert(at, lines[random.integers(len(lines))])
        elif what == 1:
            lines[at] = " " * random.integers(4) + line.strip()
        elif what == 2:
            lines[at] = ""
        elif what == 3 and ":" in line:
            lines[at] = f"{line.partition(':')[0]}: {chosen(VALUES, random)}"
        else:
            column = random.integers(len(line) + 1)
            lines[at] = line[:column] + chosen(PIECES, random) + line[column:]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    if random.random() < 0.05:
        column = random.integers(len(content))
        content = content[:column] + bytes(random.integers(0, 256, 3)) + content[column:]
    return content


def override(keys: list[str], random: np.random.Generator) -> str:
    """`key=value` with a key that there is, mostly, and any value."""
    key, value = chosen(keys, random), chosen(VALUES, random)
    if random.random() < 0.1:
        key = chosen((*VALUES, key.rpartition(".")[2], f"{key}.x", f"{key}s", f".{key}"), random)
    if random.random() < 0.2:
        value = "".join(chosen(PIECES, random) for _ in range(3))
    return f"{key}={value}" if random.random() < 0.97 else value


def chosen(values, random: np.random.Generator) -> str:
    return values[random.integers(len(values))]


@contextmanager
def limited(seconds: int):
    """Raise TimeoutError where something takes longer."""

    def stop(number, frame):
        raise TimeoutError(f"hangs: {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def nonsense(config: Config, overrides: list[str]) -> str:
    """What an accepted config says that no run could mean; empty where all makes sense."""
    resolved = config.resolved()
    json.dumps(resolved, ensure_ascii=False).encode()  # no half of a surrogate pair
    found = [f"{key}: {value}" for key, value in values_of(resolved) if is_nonsense(key, value)]
    for group in ALTERNATIVES["runner"][:3]:
        given = [names for names in group if any(getattr(config.runner, name) for name in names)]
        found += [f"two of {group}"] if len(given) > 1 else []
    last = overrides[-1] if overrides else ""
    if last.startswith("runner.model_save_path=") and last[23:24] not in ("'", '"', "~"):
        place = str(config.runner.model_save_path)
        found += [f"became {place}"] if place != os.path.abspath(last[23:]) else []
    return "; ".join(found)


def is_nonsense(key: str, value: object) -> bool:
    """Whether a key cannot have a value, whatever the model."""
    name = key.rpartition(".")[2]
    if isinstance(value, float):
        share = "dropout" in name or name in ("beta1", "beta2", "valid_fraction")
        return not math.isfinite(value) or (share and not 0 <= value < 1)
    if type(value) is int:
        return not int(name.endswith(("batch_size", "max_len", "hid_dim"))) <= value < 2**32
    return isinstance(value, str) and "\0" in value


def values_of(value, key: str = ""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from values_of(inner, f"{key}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(inner, key)
    else:
        yield key, value


def unclear(message: str) -> str:
    """What is wrong with a message; empty where it can be shown."""
    message.encode()
    if "Traceback" in message or len(message) > 10_000 or not message.strip():
        return f"unclear: {message[:1000]}"
    return ""
