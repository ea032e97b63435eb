"""What a static-graph run needs to know of XML-CNN."""

import paddle

from .dygraph_model import DygraphModel


class StaticModel(DygraphModel):
    """The same net, loss and best labels; what is added are the inputs of the programs."""

    def create_feeds(self, training: bool) -> dict[str, paddle.Tensor]:
        """The inputs of the training or the inference program."""
        n_chunks = self.hyper_parameters["n_chunks"]
        inputs = {"tokens": [None, None], "chunks": [None, n_chunks, None]}
        if self.hyper_parameters["ngram_dim"]:
            inputs.update(ngrams=[None, None], ngram_counts=[None])
        if training:
            inputs.update(positives=[None, None], is_own=[None, None])
            if self.hyper_parameters["loss"] == "sampled":
                inputs.update(candidates=[None], candidate_weights=[None])
        types = {"is_own": "bool", "candidate_weights": "float32"}
        return {
            name: paddle.static.data(name, shape, types.get(name, "int64"))
            for name, shape in inputs.items()
        }
