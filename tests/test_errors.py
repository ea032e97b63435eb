from textzoo.errors import BadLine, BadText, UserError, nearest


def test_a_hint_names_the_nearest_word_or_all():
    assert nearest("epoch", ["seed", "epochs"], "runner.") == "did you mean runner.epochs?"
    assert nearest("xyz", ["seed", "epochs"], "runner.") == "valid here: seed, epochs"
    assert nearest("xyz", []) == "valid here: "


def test_a_line_that_cannot_be_read_is_not_yet_a_mistake_with_a_place():
    """`reading` adds file and line: a reader's own error must not pass for the whole message."""
    assert not issubclass(BadLine, UserError) and not issubclass(BadText, UserError)
