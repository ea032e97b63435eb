"""The commands of models of pairs, on a small corpus."""

from conftest import ROOT

CONFIG = ROOT / "models" / "batchneg" / "config.yaml"


def call(command, folder, *options, overrides=()):
    settings = (
        f"runner.train_data_dir={folder}/train.tsv",
        f"runner.test_data_dir={folder}/test.tsv",
        f"runner.corpus_file={folder}/corpus.txt",
        f"runner.model_save_path={folder}/output",
        f"runner.cache_dir={folder}/cache",
        "runner.epochs=1",
        "reader.ngram_buckets=512",
        "hyper_parameters.encoder.hidden_size=16",
        "index.recall_num=5",
    )
    return command(["-m", str(CONFIG), *options, "-o", *settings, *overrides])


def write_pairs(folder, n_train, n_test):
    """Write rows of the sample as train.tsv and test.tsv; returns their different texts."""
    sample = lines_of(CONFIG.parent / "data" / "train" / "train.tsv")[: n_train + n_test]
    for name, rows in (("train.tsv", sample[:n_train]), ("test.tsv", sample[n_train:])):
        lines = ("\t".join(row) + "\n" for row in rows)
        (folder / name).write_text("".join(lines), encoding="utf-8")
    return list(dict.fromkeys(text for row in sample for text in row))


def lines_of(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
