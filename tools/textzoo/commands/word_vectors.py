"""Train word vectors on one's own texts: word_vectors.py."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError

log = logging.getLogger("textzoo")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Train word vectors."""
    parser = config_parser(
        "word_vectors",
        "Train word vectors on a config's training texts, into its embedding.file.",
    )
    return run_with_config(
        "word_vectors",
        lambda parsed: train_word_vectors(parsed.config, parsed.override),
        parser,
        arguments,
    )


def train_word_vectors(path: Path, overrides: list[str]) -> None:
    """Train vectors on the texts of `train_data_dir` and write them to `embedding.file`.

    Skip-gram with negative sampling (Mikolov et al. 2013), by gensim, in one thread: the same
    vectors for the same seed.

    Raises:
        UserError: config or data are not as they should be, or gensim is not installed.
    """
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.data.encoding import Refusals, good_lines
    from textzoo.files import check_output, new_output
    from textzoo.logs import start_logging

    config, folder = load_config(path, overrides)
    embedding = config.hyper_parameters.get("embedding")
    if embedding is None:
        raise UserError(f"{path}: {folder.path.name} takes no word vectors; xmlcnn does")
    if embedding.file is None:
        raise UserError(f"{path}: hyper_parameters.embedding.file: missing; expected a path")
    dataset = Dataset(config, folder)
    dataset.path("train")
    key, inputs = "hyper_parameters.embedding.file", set(config.inputs) - {embedding.file}
    check_output(embedding.file, key, inputs)
    try:
        from gensim.models import Word2Vec  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError:
        raise UserError("needs gensim: pip install 'textzoo[vectors]'") from None
    start_logging(seconds=config.runner.print_seconds)
    reader = build_reader(config, folder)
    refusals = Refusals(config.runner.bad_lines)
    lines = good_lines(dataset.files("train"), reader, refusals)
    texts = [parsed.words for _, parsed in lines]
    refusals.log(dataset.path("train"))
    model = Word2Vec(
        texts,
        vector_size=config.hyper_parameters["emb_dim"],
        min_count=config.reader["min_count"],
        sg=1,
        sample=1e-4,
        epochs=15,
        workers=1,
        seed=config.runner.seed,
    )
    with new_output(embedding.file, key) as file:
        model.wv.save_word2vec_format(file.name)
    log.info("%d words: %s", len(model.wv), embedding.file)
