"""Another model that embeds texts: what may be named as one, and how it embeds.

It is a teacher, or the encoder of a linear part.
"""

import json
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.schema import Runner, Teacher
from textzoo.data.text_vectors import EmbeddingModel
from textzoo.errors import BadText, UserError
from textzoo.inference.embedder import Embedder
from textzoo.inference.pretrained_embedder import TEACHER, PretrainedEmbedder
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.in_process import Encoder
from textzoo.serving.manifest import MANIFEST
from textzoo.text.reader import Side, encoded_text

_LINEAR = "hyper_parameters.linear"


def embedding_model(path: Path) -> EmbeddingModel:
    """A model of pairs: an exported folder, or a config with a checkpoint.

    Raises:
        UserError: it is neither of them, of such a model.
    """
    if path.is_dir():
        encoder = Encoder.load(path)
        exported = encoder.model
        assert isinstance(exported, ExportedModel)  # of one folder
        reader, files = exported.reader, exported.manifest.sha256
        made_from = [files, exported.manifest.reader.arguments]

        def embed(texts: list[str], side: Side = "query") -> np.ndarray:
            try:
                return encoder.encode(texts, side)
            except BadText as problem:  # of a tokenizer that fails at it
                raise UserError(f"{path}: {problem}") from None

    else:
        embed = embedder = Embedder(path, [])
        reader, config = embedder.reader, embedder.config
        files = [embedder.made_from, embedder.truncate_dim]
        settings = json.dumps(config.reader, sort_keys=True, default=str)
        made_from = [files, settings, config.runner.infer_precision]
    sides = (encoded_text(reader, "a", side) for side in ("query", "title"))
    return EmbeddingModel(embed, made_from, next(sides) == next(sides), files)


def teacher_model(settings: Teacher, runner: Runner) -> EmbeddingModel:
    """The teacher of a config: such a model, or the folder of a pretrained encoder.

    Raises:
        UserError: there is none, it is damaged, or it has what the config sets as well.
    """
    assert settings.model is not None  # there is a teacher
    given = settings.model_dump(exclude={"model", "weight"}, exclude_none=True)
    prefix_keys = [f"{TEACHER}.query_prefix", f"{TEACHER}.title_prefix"]
    named = [f"{TEACHER}.{name}" for name in given]
    return _model(settings.model, f"{TEACHER}.model", settings, runner, named, prefix_keys)


def linear_encoder(config: Config) -> Optional[EmbeddingModel]:
    """The encoder beside the n-grams of a config's linear part, if it has one: of the same kinds.

    Raises:
        UserError: as `teacher_model`.
    """
    linear = config.linear
    if linear.embeddings is None:
        return None
    given = linear.model_dump(exclude_none=True)
    keys = ("embeddings_prefix", "embeddings_pooling", "embeddings_max_len")
    named = [f"{_LINEAR}.{key}" for key in keys if key in given]
    prefix = linear.embeddings_prefix
    if prefix is None:
        prefix = config.reader.get("prefix")
    settings = Teacher(
        query_prefix=prefix,
        title_prefix=prefix,
        pooling=linear.embeddings_pooling,
        max_len=linear.embeddings_max_len,
    )
    prefix_keys = [f"{_LINEAR}.embeddings_prefix"]
    key = f"{_LINEAR}.embeddings"
    return _model(linear.embeddings, key, settings, config.runner, named, prefix_keys)


def _model(
    path: Path,
    key: str,
    settings: Teacher,
    runner: Runner,
    given: list[str],
    prefix_keys: list[str],
) -> EmbeddingModel:
    """The model that a key names, with settings of these keys if it is a pretrained encoder."""
    if not path.exists():
        raise UserError(
            f"{key}: no such file or folder: {path}; expected the folder of a pretrained encoder, "
            "an exported one, or a config with a checkpoint"
        )
    try:
        if path.is_dir() and not (path / MANIFEST).is_file():
            computed = runner.infer_precision, runner.use_gpu
            embedder = PretrainedEmbedder(path, settings, *computed, key, prefix_keys)
            alike = embedder.sides_alike
            return EmbeddingModel(embedder, embedder.made_from, alike, embedder.files)
        if given:
            raise UserError(
                f"received {', '.join(given)}, which are for a "
                f"pretrained encoder's folder: {path} has its own; leave them out"
            )
        return embedding_model(path)
    except UserError as problem:
        raise UserError(f"{key}: {problem}") from None
