import numpy as np

from textzoo.evaluation.level_predictions import LevelPredictions

# Of three labels the probabilities of levels 0, 1 and 2.
SCORES = np.array([[[0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.1, 0.6, 0.3]]])


def test_each_label_has_its_likeliest_level():
    (found,) = LevelPredictions(["joy", "anger", "fear"], top_k=3).of_batch({"scores": SCORES})
    assert found["predicted"] == {"joy": 1, "anger": 0, "fear": 1}


def test_the_highest_levels_are_listed_first_and_of_equal_ones_the_highest_expected():
    (found,) = LevelPredictions(["joy", "anger", "fear"], top_k=2).of_batch({"scores": SCORES})
    # Expected levels: 0.9 of joy, 1.2 of fear.
    assert found["top"] == [{"tag": "fear:1", "score": 0.6}, {"tag": "joy:1", "score": 0.7}]
