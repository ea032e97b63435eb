"""What a static-graph run needs to know of HardestNeg."""

from textzoo.running.pair_model import StaticPairModel

from .net import Net


class StaticModel(StaticPairModel):
    """The feeds and steps that all models of pairs share, with this net."""

    net_class = Net
