"""TextZoo: text tagging and semantic retrieval on PaddlePaddle."""

__version__ = "0.1.0"
