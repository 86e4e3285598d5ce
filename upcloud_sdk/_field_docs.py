"""Field descriptions for `help()` and the JSON schema of models, read from the source when they are needed.

Reading them at import, as pydantic's `use_attribute_docstrings` does, would double the import time of the models.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


class Written(NamedTuple):
    """Annotation, default and description of a field, from the source."""

    annotation: str = ""
    doc: str = ""


@functools.cache
def fields_of(model: type[BaseModel]) -> dict[str, Written]:
    """The source information for each field of a model."""
    return {name: written for kind in reversed(model.__mro__) for name, written in _written_under_fields(kind)}


@functools.cache
def with_fields(model: type[BaseModel], text: str) -> str:
    """Add the fields with types, defaults and descriptions to the docstring of a model."""
    written = fields_of(model)
    lines = [inspect.cleandoc(text), "", "Fields:"]
    for name, field in model.model_fields.items():
        annotation, doc = written.get(name, Written())
        default = field.get_default(call_default_factory=True, validated_data={})
        lines.append(f"    {name}: {annotation}" + ("" if field.is_required() else f" = {default!r}"))
        if doc:
            lines.append(textwrap.indent(doc, " " * 8))
    return "\n".join(lines)


def _written_under_fields(kind: type) -> Iterator[tuple[str, Written]]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return  # A class without a source file.
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            doc = below.value if isinstance(below, ast.Expr) else None
            text = doc.value if isinstance(doc, ast.Constant) and isinstance(doc.value, str) else ""
            yield field.target.id, Written(ast.unparse(field.annotation), inspect.cleandoc(text))
