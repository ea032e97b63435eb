"""Random damage to files, and to what is in files of JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

_VALUES = (None, True, -1, 0, 10**30, 1.5, "", "../../x", [], {}, [[]], {"a": 1}, "\ud800")


def damage(folder: Path, random: np.random.Generator) -> str:
    """Damage one file below a folder; returns what was done, in words."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = files[random.integers(len(files))]
    ways = [_flip, _flip, _truncate, _extend, _delete, _zero, _exchange]
    if path.suffix in (".json", ".jsonl"):
        ways += [_change_json] * len(ways)
    way = ways[random.integers(len(ways))]
    way(path, random)
    return f"{way.__name__} {path.name}"


def _flip(path: Path, random: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    for place in random.integers(len(content), size=random.integers(1, 4)) if content else ():
        content[place] ^= 1 << random.integers(8)
    path.write_bytes(content)


def _truncate(path: Path, random: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.integers(len(content) + 1)])


def _extend(path: Path, random: np.random.Generator) -> None:
    path.write_bytes(path.read_bytes() + random.bytes(random.integers(1, 100)))


def _delete(path: Path, random: np.random.Generator) -> None:
    path.unlink()


def _zero(path: Path, random: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    first = random.integers(len(content) + 1)
    end = min(len(content), first + random.integers(1, 5000))
    content[first:end] = bytes(end - first)
    path.write_bytes(content)


def _exchange(path: Path, random: np.random.Generator) -> None:
    content, n = path.read_bytes(), random.integers(1, 9)
    first, second = sorted(random.integers(len(content) + 1, size=2))
    cut = content[:first], content[first : first + n], content[second : second + n]
    path.write_bytes(cut[0] + cut[2] + content[first + n : second] + cut[1] + content[second + n :])


def _change_json(path: Path, random: np.random.Generator) -> None:
    """Replace, remove or add a value anywhere in a file of JSON, or in a line of one of lines."""
    texts = [path.read_text(encoding="utf-8")]
    if path.suffix == ".jsonl":
        texts = texts[0].splitlines()
    place = random.integers(len(texts)) if len(texts) > 1 else 0
    whole = {"": json.loads(texts[place])}
    holder: Any = whole
    key: Any = ""
    while isinstance(holder[key], (dict, list)) and holder[key] and random.random() < 0.7:
        holder = holder[key]
        keys = [*holder] if isinstance(holder, dict) else range(len(holder))
        key = keys[random.integers(len(keys))]
    value = _VALUES[random.integers(len(_VALUES))]
    if holder is whole or (way := random.integers(3)) == 0:
        holder[key] = value
    elif way == 1:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, value)
    else:
        holder["more"] = value
    texts[place] = json.dumps(whole[""])
    path.write_text("\n".join(texts), encoding="utf-8")
