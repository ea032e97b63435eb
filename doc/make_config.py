"""Write doc/config.md and models/*/config.schema.json: python doc/make_config.py.

They are made from the schema and the models' own signatures.
"""

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textzoo.config.model_folder import ModelFolder

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "doc" / "config.md"

_INTRODUCTION = """\
# Every key of a config

Written by `python doc/make_config.py` from the schema; a test checks that it is current.

A config is a YAML file. `base: other.yaml` inherits from another one, `-o key=value` overrides
single keys for one run. A relative path starts from the folder of the file that it is written in;
one given with `-o` starts from the working directory. [configs.md](configs.md): editors that know
the keys, and variables of the environment.

Values are those of YAML 1.2 with decimal numbers: `1e-3` is a number; `yes`, `12:30:45`, `0777` and
`1_000` are texts. After `-o key=` the value is everything that follows, a `#` included; only what
begins with `[`, `{` or a quote is YAML, for lists, blocks, and texts such as `'7'`. Where two keys
stand for one thing, as `test_data_dir` and `test_pair_file`, or `infer_checkpoint` and
`infer_ensemble`, that of the later file or of `-o` wins, and two in one file are refused.

Every number is finite and within its range; where no highest is named, it is what 32 bits hold,
1,048,576 for a side of a matrix. An unknown key, a missing one or a wrong
type stops the run before anything is read; every problem is listed at once.

The blocks `runner`, `index`, `hyper_parameters.optimizer` and `hyper_parameters.linear` are the
same for all models.
`reader` and the rest of `hyper_parameters` are the arguments of the model's own `Reader` and `Net`.
"""

_SEARCH = """\
## search

What `textzoo tune` tries: for each dotted key a list of values, or a range with these keys
([more](tuning.md)).

"""


def page() -> str:
    """The whole page as Markdown."""
    from textzoo.config.schema import IndexSettings, Linear, Optimizer, Runner, SearchRange

    parts = [
        _INTRODUCTION,
        _block_section("runner", Runner),
        _block_section("hyper_parameters.optimizer", Optimizer),
        _block_section("hyper_parameters.linear", Linear),
        _block_section("index", IndexSettings),
        _SEARCH + _block_section("search", SearchRange).partition("\n\n")[2],
    ]
    for folder in model_folders():
        parts += [
            f"## Model {folder.path.name}\n",
            _signature_section("reader", folder.reader, ()),
            _signature_section("hyper_parameters", folder.net, folder.reader.supplies),
        ]
    return "\n".join(parts)


def schemas() -> dict[Path, str]:
    """The JSON Schema of each model, by its file."""
    from textzoo.config.json_schema import FILE, schema_text

    return {folder.path / FILE: schema_text(folder) for folder in model_folders()}


def model_folders() -> list["ModelFolder"]:
    """The models of the repository."""
    from textzoo.config.model_folder import load_model_folder

    return [load_model_folder(path.parent) for path in sorted(ROOT.glob("models/*/net.py"))]


def _block_section(title: str, block: type, level: str = "##") -> str:
    from textzoo.config.type_names import describe_type

    rows = [
        (
            field.alias or name,
            describe_type(field),
            _default(field.get_default()),
            field.description,
        )
        for name, field in block.model_fields.items()
    ]
    return f"{level} {title}\n\n{inspect.getdoc(block)}\n\n{_table(rows)}"


def _signature_section(title: str, constructor: type, supplied: tuple[str, ...]) -> str:
    """The keyword-only arguments of a class, described by its docstring."""
    from textzoo.config.checking import signature_fields
    from textzoo.config.json_schema import described_arguments
    from textzoo.config.schema import Block
    from textzoo.config.type_names import type_in_words

    described = described_arguments(constructor)
    rows, blocks = [], []
    for name, (annotation, default) in signature_fields(constructor).items():
        if inspect.isclass(annotation) and issubclass(annotation, Block):
            blocks.append(_block_section(f"{title}.{name}", annotation, "####"))
            default = ""
        shown = "from the data" if name in supplied else _default(default)
        rows.append((name, type_in_words(annotation), shown, described[name]))
    return "\n".join([f"### {title}\n\n{_table(rows)}", *blocks])


def _default(value: object) -> str:
    from pydantic_core import PydanticUndefined

    if value in (..., PydanticUndefined):
        return "required"
    if value is None or value == "":
        return ""
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, kind, default, meaning in rows:
        cells = (f"`{name}`", kind, default, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tools"))
    from textzoo.devices import import_paddle

    import_paddle()
    for file, text in {PAGE: page(), **schemas()}.items():
        file.write_bytes(text.encode())
