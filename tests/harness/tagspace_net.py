"""Small sizes of TagSpace's net."""

from textzoo.config.checking import signature_fields

N_WORDS, N_TAGS, N_NGRAMS = 15, 6, 40


def hyper_parameters(tagspace, **chosen):
    sizes = {"vocab_text_size": N_WORDS, "vocab_tag_size": N_TAGS, "emb_dim": 4, "hid_dim": 5}
    defaults = {name: default for name, (_, default) in signature_fields(tagspace.net).items()}
    return {**defaults, **sizes, "win_size": 3, "margin": 0.3, "max_samples": 4, **chosen}
