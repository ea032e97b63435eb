from pathlib import Path
from typing import Annotated, Literal, Optional, Union

import pydantic
import pytest
from pydantic import Field

from textzoo.config.schema import Embedding, FilePath, PositiveInt
from textzoo.config.type_names import describe_type, type_in_words


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "int"),
        (str, "text"),
        (bool, "true or false"),
        (Path, "a path"),
        (FilePath, "a path"),
        (pydantic.SecretStr, "text"),
        (Optional[float], "float or null"),
        (Literal["error", "skip"], "one of error | skip"),
        (Union[Literal["auto"], PositiveInt], "one of auto or int, > 0"),
        (list[str], "a list of text"),
        (Optional[list[PositiveInt]], "a list of int, > 0 or null"),
        (Embedding, "a block of keys"),
    ],
)
def test_a_type_is_told_in_words(annotation, words):
    assert type_in_words(annotation) == words


def test_a_field_is_told_with_its_limits():
    class Block(pydantic.BaseModel):
        share: Annotated[float, Field(ge=0, lt=1)] = 0.5
        size: Annotated[int, Field(gt=0, le=9)] = 1

    fields = Block.model_fields
    assert describe_type(fields["share"]) == "float, >= 0, < 1"
    assert describe_type(fields["size"]) == "int, > 0, <= 9"
