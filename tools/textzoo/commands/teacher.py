"""Another model that a command asks: what may be named as one, and how it embeds texts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.config.schema import Runner, Teacher
    from textzoo.data.teacher_vectors import TeacherModel

_KEY = "hyper_parameters.teacher"


def embedding_model(path: Path) -> "TeacherModel":
    """A model of pairs: an exported folder, or a config with a checkpoint.

    Raises:
        UserError: it is neither of them, of such a model.
    """
    from textzoo.data.teacher_vectors import TeacherModel
    from textzoo.inference.embedder import Embedder
    from textzoo.serving.exported_model import ExportedModel
    from textzoo.serving.in_process import Encoder
    from textzoo.text.reader import encoded_text

    if path.is_dir():
        encoder = Encoder.load(path)
        exported = encoder.model
        assert isinstance(exported, ExportedModel)  # of one folder
        embed, reader = encoder.encode, exported.reader
        made_from = [exported.manifest.sha256, exported.manifest.reader.arguments]
    else:
        embed = embedder = Embedder(path, [])
        reader, settings = embedder.reader, embedder.config.reader
        made_from = [embedder.made_from, json.dumps(settings, sort_keys=True, default=str)]
    sides = (encoded_text(reader, "a", side) for side in ("query", "title"))
    return TeacherModel(embed, made_from, next(sides) == next(sides))


def teacher_model(settings: "Teacher", runner: "Runner") -> "TeacherModel":
    """The teacher of a config: such a model, or the folder of a pretrained encoder.

    Raises:
        UserError: there is none, it is damaged, or it has what the config sets as well.
    """
    from textzoo.data.teacher_vectors import TeacherModel
    from textzoo.inference.pretrained_embedder import PretrainedEmbedder
    from textzoo.serving.manifest import MANIFEST

    path, key = settings.model, f"{_KEY}.model"
    assert path is not None  # there is a teacher
    if not path.exists():
        raise UserError(
            f"{key}: no such file or folder: {path}; expected the folder of a pretrained encoder, "
            "an exported one, or a config with a checkpoint"
        )
    try:
        if path.is_dir() and not (path / MANIFEST).is_file():
            embedder = PretrainedEmbedder(path, settings, runner.infer_precision, runner.use_gpu)
            return TeacherModel(embedder, embedder.made_from, embedder.sides_alike)
        given = settings.model_dump(exclude={"model", "weight"}, exclude_none=True)
        if given:
            raise UserError(
                f"received {', '.join(f'{_KEY}.{name}' for name in given)}, which are for a "
                f"pretrained encoder's folder: {path} has its own; leave them out"
            )
        return embedding_model(path)
    except UserError as problem:
        raise UserError(f"{key}: {problem}") from None
