"""Files as other tools take them, of rows of the samples: what doc/coming_from/ trains on."""

import json

from harness.pretrained import write_encoder
from harness.workspace import MODELS


def sample(model, split, n_rows):
    """The columns of rows of a model's sample."""
    (file,) = (MODELS[model].folder / "data" / split).iterdir()
    return [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[:n_rows]]


def write_rows(folder, name, rows):
    """Write rows as a text file, one a line."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def write_fasttext(folder):
    for split in ("train", "test"):
        rows = sample("tagspace", split, 200)
        labels = [
            ["__label__" + tag.replace(" ", "-") for tag in tags.split(",")] for tags, _ in rows
        ]
        texts = [text for _, text in rows]
        write_rows(
            folder, f"{split}.txt", [" ".join([*own, text]) for own, text in zip(labels, texts)]
        )
    write_rows(folder, "new.txt", texts[:3])


def write_scikit_learn(folder):
    rows = sample("tagspace", "train", 200)
    write_rows(folder, "several.tsv", map("\t".join, rows))
    write_rows(folder, "train.tsv", [f"{tags.split(',')[0]}\t{text}" for tags, text in rows])


def write_libmultilabel(folder):
    for split in ("train", "test"):
        rows = sample("xmlcnn", split, 200)
        spaced = [(labels.replace(" ", "-").replace(",", " "), text) for labels, text in rows]
        write_rows(
            folder,
            f"{split}.txt",
            [f"{i}\t{labels}\t{text}" for i, (labels, text) in enumerate(spaced)],
        )


def write_sentence_transformers(folder):
    write_pairs(folder, "e5-small")
    for split in ("train", "test"):
        pairs = [dict(zip(("anchor", "positive"), row)) for row in sample("batchneg", split, 100)]
        write_rows(
            folder, f"{split}.jsonl", [json.dumps(pair, ensure_ascii=False) for pair in pairs]
        )


def write_paddlenlp(folder):
    write_pairs(folder, "ernie")
    for split, name in (("train", "train"), ("test", "dev")):
        rows = sample("multilabel", split, 200)
        write_rows(folder, f"data/{name}.txt", [f"{text}\t{labels}" for labels, text in rows])


def write_pairs(folder, encoder):
    """Write pairs, a corpus of their titles, and an encoder of small random weights."""
    texts = []
    for split in ("train", "test"):
        pairs = sample("batchneg", split, 100)
        write_rows(folder, f"{split}.tsv", map("\t".join, pairs))
        texts += [text for pair in pairs for text in pair]
    write_rows(folder, "corpus.txt", dict.fromkeys(texts))
    write_encoder(folder / encoder, texts, n_positions=64)


# Of each page, by its name.
WRITERS = {
    "fasttext": write_fasttext,
    "libmultilabel": write_libmultilabel,
    "paddlenlp": write_paddlenlp,
    "scikit_learn": write_scikit_learn,
    "sentence_transformers": write_sentence_transformers,
}
