"""Train word vectors on one's own texts: the recipe behind word_vectors.py."""

import logging
import os
from pathlib import Path

from textzoo.config.loading import build_reader, load_config
from textzoo.data.cache import Cache
from textzoo.data.encoding import good_lines
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.logs import start_logging

log = logging.getLogger("textzoo")


def train_word_vectors(path: Path, overrides: list[str]) -> None:
    """Train vectors on the texts of `train_data_dir` and write them to `embedding.file`.

    Skip-gram with negative sampling (Mikolov et al. 2013), by gensim, in one thread: the same
    vectors for the same seed.

    Raises:
        UserError: config or data are not as they should be, or gensim is not installed.
    """
    config, folder = load_config(path, overrides)
    embedding = config.hyper_parameters.get("embedding")
    if embedding is None or embedding.file is None:
        raise UserError(f"{path}: hyper_parameters.embedding.file: missing; expected a path")
    if config.runner.train_data_dir is None:
        raise UserError(f"{path}: runner.train_data_dir: missing; expected a path")
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise UserError("needs gensim: pip install 'textzoo[vectors]'") from None
    start_logging()
    cache = Cache(config.runner.cache_dir, config.runner.bad_lines)
    files = input_files(config.runner.train_data_dir, "runner.train_data_dir", cache)
    parse = build_reader(config, folder).parse
    lines = good_lines(files, parse, cache.bad_lines, [])
    model = Word2Vec(
        [parsed.words for _, _, parsed in lines],
        vector_size=config.hyper_parameters["emb_dim"],
        min_count=config.reader["min_count"],
        sg=1,
        sample=1e-4,
        epochs=15,
        workers=1,
        seed=config.runner.seed,
    )
    embedding.file.parent.mkdir(parents=True, exist_ok=True)
    temporary = embedding.file.with_name(embedding.file.name + ".tmp")
    model.wv.save_word2vec_format(str(temporary))
    os.replace(temporary, embedding.file)
    log.info("%d words: %s", len(model.wv), embedding.file)
