"""Check the files of a pretrained encoder and lay them out as a folder."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, argument_parser, open_for_writing, read_text, run

# PaddleNLP keeps this in its source in place of a file.
_ALBERT_CHINESE_TINY = {
    "model_type": "albert",
    "vocab_size": 21128,
    "embedding_size": 128,
    "hidden_size": 312,
    "num_hidden_layers": 4,
    "num_attention_heads": 12,
    "intermediate_size": 1248,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}


def lay_out(source: Path, output: Path) -> None:
    """Lay the files out.

    Raises:
        BadSource: one of them is damaged.
    """
    try:
        if (source / "model.safetensors").is_file():
            _check_safetensors(source / "model.safetensors")
            json.loads(read_text(source / "config.json"))
            for name in ("config.json", "model.safetensors"):
                shutil.copy(source / name, output / name)
        else:
            weights = source / "albert-chinese-tiny.pdparams"
            _check_pickle(weights)
            shutil.copy(weights, output / "model_state.pdparams")
            with open_for_writing(output / "config.json") as file:
                file.write(json.dumps(_ALBERT_CHINESE_TINY, indent=1) + "\n")
        for name in ("tokenizer.json", "vocab.txt", "albert-chinese-tiny.vocab.txt"):
            if (source / name).is_file():  # run.sh tells which one an encoder is to have
                _check_vocabulary(source / name)
                shutil.copy(source / name, output / name.removeprefix("albert-chinese-tiny."))
    except (RecursionError, ValueError) as failure:  # of JSON, or of bytes that are not UTF-8
        raise BadSource(str(failure)) from None


def _check_vocabulary(path: Path) -> None:
    if path.suffix == ".txt":
        if "[MASK]" not in read_text(path).split("\n"):
            raise BadSource(f"{path.name}: has no line [MASK], expected a WordPiece vocabulary")
        return
    content = json.loads(read_text(path))
    model = content.get("model") if isinstance(content, dict) else None
    kind = model.get("type") if isinstance(model, dict) else None
    if kind not in ("WordPiece", "Unigram", "BPE"):
        raise BadSource(
            f"{path.name}: has a model of kind {kind}, expected WordPiece, Unigram or BPE"
        )


def _check_safetensors(path: Path) -> None:
    """The header says how long the file is to be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        n_header = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(min(n_header, size)))
            header.pop("__metadata__", None)
            expected = 8 + n_header + max(tensor["data_offsets"][1] for tensor in header.values())
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
            raise BadSource(f"{path.name}: is not a safetensors file") from None
    if size != expected:
        raise BadSource(f"{path.name}: has {size} bytes, expected {expected}: is not whole")


def _check_pickle(path: Path) -> None:
    """A pickle begins with its protocol and ends in a full stop; some versions zip it."""
    content = path.read_bytes()
    if not (content[:1] == b"\x80" and content[-1:] == b".") and not zipfile.is_zipfile(path):
        raise BadSource(f"{path.name}: is not a whole file of weights")


if __name__ == "__main__":
    sys.exit(run(lay_out, argument_parser(__doc__, "the published files")))
