import numpy as np
import paddle
import pytest
from conftest import ROOT

from textzoo.config import signature_fields
from textzoo.dygraph import DygraphRun
from textzoo.model_folder import load_model_folder
from textzoo.predictor import Predictor
from textzoo.schema import Encoder


@pytest.mark.parametrize("settings", [{"config": "tiny"}, {"config": "ngram", "hidden_size": 32}])
def test_the_inference_engine_gives_the_net_s_embeddings(settings):
    folder = load_model_folder(ROOT / "models" / "batchneg")
    defaults = {key: default for key, (_, default) in signature_fields(folder.net).items()}
    sizes = {"vocab_size": 90, "max_len": 30, "encoder": Encoder(**settings)}
    paddle.seed(5)
    model = folder.dygraph_model({**defaults, **sizes})
    run = DygraphRun(model, model.create_model())
    random = np.random.default_rng(0)
    batches = [
        {"tokens": random.integers(0, 90, (n, 30)), "lengths": random.integers(1, 31, n)}
        for n in (1, 7, 20)
    ]
    expected = [run.infer_step(feeds)["embeddings"] for feeds in batches]
    predictor = Predictor(run, bf16=False)
    for feeds, embeddings in zip(batches, expected):
        found = predictor.infer_step(feeds)["embeddings"]
        np.testing.assert_allclose(found, embeddings, atol=2e-6)
