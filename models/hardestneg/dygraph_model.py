"""What a run needs to know of HardestNeg."""

from textzoo.running.pair_model import PairModel

from .net import Net


class DygraphModel(PairModel):
    """The feeds and steps that all models of pairs share, with this net."""

    net_class = Net
