"""What a run in static graph needs to know of TagSpace."""

from .dygraph_model import DygraphModel


class StaticModel(DygraphModel):
    """The same as in dynamic graph: the inputs of the programs take their form from the feeds."""
