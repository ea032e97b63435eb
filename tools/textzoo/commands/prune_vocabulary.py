"""A pretrained encoder with only the pieces that texts use: prune_vocabulary.py."""

import argparse
import json
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Optional

from textzoo.called import program
from textzoo.commands.cli import guarded
from textzoo.errors import BadLine, UserError
from textzoo.files import new_folder
from textzoo.logs import start_logging

log = logging.getLogger("textzoo")

_PREFIXES = ["query: ", "passage: "]  # of E5
_COMPARED = 10_000  # texts that are split by both tokenizers in the end
_COPIED = ("config_sentence_transformers.json", "LICENSE", "LICENSE.txt", "NOTICE")
# Tensors with a row for each piece: the embeddings, and heads of pretraining.
_BY_PIECE = re.compile(r"(.*\.)?(word_embeddings\.weight|(predictions|lm_head)\..*)")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """A pretrained encoder with only the pieces that texts use."""
    name = program("prune_vocabulary")
    parser = argparse.ArgumentParser(
        prog=name,
        description="Write a pretrained encoder with only the pieces that some texts use, beside "
        "special tokens and ASCII: smaller, with the same embeddings for these texts.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the encoder's folder")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the folder to make")
    parser.add_argument(
        "--texts",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="files, or folders of files, of texts, also between tabs: training and test texts and "
        "the corpus; compressed ones too",
    )
    parser.add_argument(
        "--prefix",
        nargs="+",
        default=_PREFIXES,
        metavar="TEXT",
        help="what reader.query_prefix, title_prefix or prefix put before texts; default: "
        + ", ".join(map(repr, _PREFIXES)),
    )
    parsed = parser.parse_args(arguments)
    return guarded(
        name,
        lambda: prune_vocabulary(parsed.folder, parsed.output, parsed.texts, parsed.prefix),
    )


def prune_vocabulary(folder: Path, output: Path, texts: list[Path], prefixes: list[str]) -> None:
    """Write a pretrained encoder without the pieces that texts do not use.

    Args:
        folder: of Hugging Face, with `config.json`, one `.safetensors` file and a tokenizer.
        output: the folder to make; an empty one may be there.
        texts: files, or folders of files, of texts.
        prefixes: what is put before texts.

    Raises:
        UserError: something in the folder cannot be read or pruned, there is no text, or `output`
            is not empty.
    """
    from textzoo.nets.architecture import read_architecture
    from textzoo.text.lines import data_files
    from textzoo.text.pruning import UsedPieces
    from textzoo.text.subwords import SubwordTokenizer, read_tokenizer, tokenizer_file

    start_logging()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"OUTPUT: {output} is there already; choose another folder")
    described, weights = read_architecture(folder), _weights_file(folder)
    file = tokenizer_file(folder)
    if file.suffix == ".txt" and not (folder / "tokenizer_config.json").is_file():
        raise UserError(
            f"FOLDER: {folder}: holds vocab.txt without tokenizer_config.json, which says whether "
            'case counts: write {"do_lower_case": true} or {"do_lower_case": false} into one'
        )
    longest = described.architecture.max_position_embeddings
    SubwordTokenizer.read(file, longest)  # which refuses what no reader takes
    tokenizer = read_tokenizer(file)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    try:
        used = UsedPieces(tokenizer)
    except ValueError as problem:
        raise UserError(f"{file}: {problem}") from None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    used.ids |= _named_ids(config, described.vocab_size)
    used.ids |= set(range(described.first_position))  # on which RoBERTa's positions depend
    files = [file for path in texts for file in data_files(path, "--texts")]
    try:
        used.add(prefixes)
        n_texts = used.add(_columns(files))
        for prefix in prefixes:
            if not prefix.endswith(" "):  # it may share a piece with what follows
                used.add(prefix + text for text in _columns(files))
    except BadLine as problem:
        raise UserError(f"--texts: {problem}") from None
    if not n_texts:
        raise UserError(f"--texts: {files[0]}: received no text, expected one a line")
    pruned, kept = used.tokenizer()
    if kept[-1] >= described.vocab_size:
        raise UserError(
            f"{file}: has the id {kept[-1]}, but the encoder only {described.vocab_size} pieces"
        )
    _check_same(tokenizer, pruned, kept, files, prefixes)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.is_dir():
            output.rmdir()
        with new_folder(output) as place:
            before, after = _write_weights(weights, place / weights.name, kept)
            _write_config(config, kept, place / "config.json")
            (place / "tokenizer.json").write_bytes(pruned.to_str(pretty=True).encode())
            for name in _COPIED:
                if (folder / name).is_file():
                    (place / name).write_bytes((folder / name).read_bytes())
    except OSError as failure:
        raise UserError(f"OUTPUT: cannot write {output}: {failure.strerror or failure}") from None
    log.info("%d texts in %d file(s)", n_texts, len(files))
    log.info("pieces: %d before, %d after", described.vocab_size, len(kept))
    log.info("weights: %.1f million before, %.1f after", before / 1e6, after / 1e6)
    log.info("%s", output)


def _weights_file(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise UserError(f"FOLDER: {folder}: holds no config.json")
    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise UserError(
            f"FOLDER: {folder}: holds {len(files)} .safetensors files, expected one; other forms "
            "of weights are not pruned"
        )
    return files[0]


def _columns(files: list[Path]) -> Iterator[str]:
    """What stands between tabs in each line, or in each cell or value of a row, stripped."""
    from textzoo.text.records import all_texts

    for file in files:
        for text in all_texts(file):
            yield from filter(None, (column.strip() for column in text.split("\t")))


def _named_ids(config: dict[str, Any], n_pieces: int) -> set[int]:
    """Ids that config.json names, such as that of padding."""
    named = {value for key, value in config.items() if key.endswith("_token_id")}
    return {i for i in named if isinstance(i, int) and 0 <= i < n_pieces}


def _check_same(
    tokenizer: Any, pruned: Any, kept: list[int], files: list[Path], prefixes: list[str]
) -> None:
    """Compare the pieces of the first texts.

    Raises:
        UserError: some are split otherwise.
    """
    texts = list(islice(_columns(files), _COMPARED))
    for prefix in ("", *prefixes):
        given = [prefix + text for text in texts]
        old_and_new = [of.encode_batch_fast(given) for of in (tokenizer, pruned)]
        for text, old, new in zip(given, *old_and_new):
            if old.ids != [kept[i] for i in new.ids]:
                raise UserError(
                    f"FOLDER: this kind of tokenizer cannot be pruned: without the other pieces it "
                    f"splits {text!r} otherwise"
                )


def _write_weights(source: Path, target: Path, kept: list[int]) -> tuple[int, int]:
    """Write the tensors with the rows of the pieces that are kept.

    Returns:
        How many weights there were, and how many there are.

    Raises:
        UserError: the file cannot be read, or is of no encoder.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save_file

    tensors, before = {}, 0
    try:
        with safe_open(source, framework="np") as opened:
            rows = next(
                opened.get_slice(name).get_shape()[0]
                for name in opened.keys()  # noqa: SIM118 (it is no dict)
                if name.endswith("word_embeddings.weight")
            )
            for name in opened.keys():  # noqa: SIM118
                tensor = opened.get_tensor(name)
                before += tensor.size
                has_rows = _BY_PIECE.fullmatch(name) and tensor.shape[:1] == (rows,)
                tensors[name] = tensor[kept] if has_rows else tensor
    except StopIteration:
        raise UserError(f"{source}: has no word_embeddings.weight") from None
    except (SafetensorError, TypeError, ValueError, OSError, IndexError) as failure:
        raise UserError(f"{source}: cannot be read: {failure}") from None
    try:
        save_file(tensors, target, {"format": "pt"})
    except SafetensorError as failure:
        raise OSError(str(failure)) from None
    return before, sum(tensor.size for tensor in tensors.values())


def _write_config(config: dict[str, Any], kept: list[int], file: Path) -> None:
    new = {old: i for i, old in enumerate(kept)}
    changed = {
        key: new.get(value, value) if isinstance(value, int) else value
        for key, value in config.items()
        if key.endswith("_token_id")
    }
    content = {**config, **changed, "vocab_size": len(kept)}
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
