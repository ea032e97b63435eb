"""Several exports as one; with commands and a server: commands/test_recall.py."""

from types import SimpleNamespace

import numpy as np
import pytest

from textzoo.errors import UserError
from textzoo.serving.exported_ensemble import ExportedEnsemble


class Model:
    """Embeds a text by some of its digits."""

    def __init__(self, first, width, kind="embeddings"):
        self.path, self.engine, self.weights = f"folder {first}", "an engine", [f"digest {first}"]
        self.manifest = SimpleNamespace(kind=kind, width=width, model_copy=self.copy)
        self._own = slice(first, first + width)

    def copy(self, update):
        return SimpleNamespace(**{**vars(self.manifest), **update})

    def encode(self, texts, n_queries=None):
        return [{"text": list(map(int, text))} for text in texts]

    def outputs(self, rows):
        vectors = np.array([row["text"][self._own] for row in rows], np.float32)
        return {"embeddings": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}


def test_a_cosine_is_the_mean_of_theirs():
    models = [Model(0, 2), Model(2, 3)]
    both = ExportedEnsemble(models)
    assert (both.path, both.manifest.width, both.engine) == ("folder 0", 5, "an engine")
    assert both.weights == ["digest 0", "digest 2"]
    texts = ["12345", "54321", "11111"]
    ((places, outputs),) = both.batches(both.encode(texts))
    assert places.tolist() == [0, 1, 2]
    parts = [model.outputs(model.encode(texts))["embeddings"] for model in models]
    expected = sum(part @ part.T for part in parts) / 2
    found = outputs["embeddings"]
    np.testing.assert_allclose(found @ found.T, expected, rtol=1e-6)
    assert not list(both.batches(both.encode([])))
    assert both.outputs([]) == {}


def test_models_of_labels_do_not_stand_side_by_side():
    with pytest.raises(UserError, match="folder 2: holds a model of tags; expected models that"):
        ExportedEnsemble([Model(0, 2), Model(2, 3, "tags")])
