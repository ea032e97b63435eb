"""What a static-graph run needs to know of multilabel."""

import paddle

from .dygraph_model import DygraphModel


class StaticModel(DygraphModel):
    """The same net, loss and scores; what is added are the inputs of the programs."""

    def create_feeds(self, training: bool) -> dict[str, paddle.Tensor]:
        """The inputs of the training or the inference program."""
        inputs = {
            "tokens": paddle.static.data("tokens", [None, None], "int64"),
            "lengths": paddle.static.data("lengths", [None], "int64"),
        }
        if training:
            shape = [None, self.hyper_parameters["vocab_label_size"]]
            shape += [self.hyper_parameters["n_levels"]] * self.graded
            inputs["targets"] = paddle.static.data("targets", shape, "float32")
        return inputs
