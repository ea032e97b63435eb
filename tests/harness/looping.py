"""A run that computes nothing, for the training loop."""

import numpy as np

from textzoo.config.schema import Optimizer

OPTIMIZER = Optimizer.model_validate(
    {"class": "SGD", "learning_rate": 0.5, "schedule": "linear", "warmup": 2}
)


LENGTHS = np.arange(1, 24)  # 23 rows


class FakeRun:
    """Notes what it is given; its losses come from a list, or are 1, and so is its weight."""

    def __init__(self, losses=()):
        self.steps, self.settled = [], []
        self.losses = list(losses)
        self.weight, self.moment = np.ones(3), np.ones(3)

    def train_step(self, micro_batches, rate):
        self.steps.append((micro_batches, rate))
        return self.losses.pop(0) if self.losses else 1.0

    def settle(self):
        self.settled.append(len(self.steps))

    def parameters(self):
        return {"weight": self.weight}

    def optimizer_state(self):
        return {"moment/weight": self.moment}
