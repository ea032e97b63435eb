"""What a static-graph run needs to know of TagSpace."""

import paddle

from .dygraph_model import DygraphModel


class StaticModel(DygraphModel):
    """The same net, loss and scores; what is added are the inputs of the programs."""

    def create_feeds(self, training: bool) -> dict[str, paddle.Tensor]:
        """The inputs of the training or the inference program."""
        inputs = {"tokens": ([None, None], "int64"), "lengths": ([None], "int64")}
        if self.hyper_parameters["ngram_dim"]:
            inputs["ngrams"] = ([None, None], "int64")
            inputs["ngram_counts"] = ([None], "int64")
        if training:
            inputs["positive"] = ([None], "int64")
            if self.hyper_parameters["loss"] == "margin":
                if self.hyper_parameters["negatives"] == "hardest":
                    inputs["own"] = ([None, self.hyper_parameters["vocab_tag_size"]], "float32")
                else:
                    inputs["negatives"] = ([None, None], "int64")
        return {
            name: paddle.static.data(name, shape, dtype) for name, (shape, dtype) in inputs.items()
        }
