"""Word vectors of one's own texts; gensim, which trains them, is played by a count of words."""

import sys
from types import SimpleNamespace

import pytest
from harness.running import run_command
from harness.workspace import MODELS

CONFIG = MODELS["xmlcnn"].config


class Word2Vec:
    """Gives each word the vector of how often it occurs."""

    def __init__(self, sentences, vector_size, min_count, seed, workers, **_):
        assert workers == 1  # else the seed would not decide
        counts = {}
        for words in sentences:
            for word in words:
                counts[word] = counts.get(word, 0) + 1
        kept = {word: n for word, n in counts.items() if n >= min_count}

        class Vectors(dict):
            def save_word2vec_format(self, path):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"{len(self)} {vector_size}\n")
                    for word, n in self.items():
                        file.write(f"{word} {' '.join([str(n)] * vector_size)}\n")

        self.wv = Vectors(kept)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "train.tsv").write_text("a\tred green red\nb\tgreen red\n", encoding="utf-8")
    return (
        *("-m", CONFIG, "-o", f"runner.train_data_dir={tmp_path / 'train.tsv'}"),
        *("hyper_parameters.emb_dim=2", "reader.min_count=1", f"runner.cache_dir={tmp_path}/c"),
        *(f"hyper_parameters.embedding.file={tmp_path / 'vectors.txt'}",),
        "hyper_parameters.embedding.mode=static",
    )


def test_vectors_of_all_words_are_written_where_the_config_reads_them(
    settings, tmp_path, monkeypatch
):
    models = SimpleNamespace(Word2Vec=Word2Vec)
    monkeypatch.setitem(sys.modules, "gensim", SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "gensim.models", models)
    done = run_command("word_vectors", *settings)
    assert f"2 words: {tmp_path / 'vectors.txt'}" in done.stdout
    lines = (tmp_path / "vectors.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["2 2", "red 3 3", "green 2 2"]


def test_a_file_that_the_config_does_not_name_and_a_missing_package_are_said(settings, monkeypatch):
    unnamed = ("hyper_parameters.embedding.file=null", "hyper_parameters.embedding.mode=rand")
    said = run_command("word_vectors", *settings, *unnamed, expect=2).stderr
    assert "hyper_parameters.embedding.file: missing" in said
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    said = run_command("word_vectors", *settings, expect=2).stderr
    assert "pip install 'textzoo[vectors]'" in said


def test_a_model_that_takes_no_word_vectors_is_refused():
    said = run_command("word_vectors", "-m", str(MODELS["tagspace"].config), expect=2).stderr
    assert "tagspace takes no word vectors; xmlcnn does" in said
