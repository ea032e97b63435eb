"""Losses of a student's embeddings against those of a teacher."""

import paddle


def cosine_distance(embeddings: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
    """One minus the cosine of each text's embedding and the teacher's.

    Of vectors of length 1 this is half their squared distance.

    Args:
        embeddings: `[batch, width]`, of length 1.
        targets: `[batch, width]`, of length 1, without gradients.

    Returns:
        The mean over the batch, a scalar.

    References:
        Reimers and Gurevych 2020, Making Monolingual Sentence Embeddings Multilingual using
        Knowledge Distillation, section 2.
    """
    return (1 - (embeddings * targets).sum(axis=-1)).mean()
