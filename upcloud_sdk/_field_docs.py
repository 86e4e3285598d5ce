"""What `help()` says of a model: its fields with their docs, read from the source when somebody asks.

Read at import, as pydantic's `use_attribute_docstrings` does, they take as long as all else of the models.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


@functools.cache
def with_fields(model: type[BaseModel], own: str) -> str:
    """The docs of a model, and of its fields: kinds, defaults, and what is written under each."""
    docs: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        docs.update(_written_under_fields(kind))
    lines = [inspect.cleandoc(own), "", "Fields:"]
    for name, field in model.model_fields.items():
        annotation, _, doc = docs.get(name, "").partition("\n")
        default = field.get_default(call_default_factory=True, validated_data={})
        lines.append(f"    {name}: {annotation}" + ("" if field.is_required() else f" = {default!r}"))
        if doc:
            lines.append(textwrap.indent(inspect.cleandoc(doc), " " * 8))
    return "\n".join(lines)


def _written_under_fields(kind: type) -> Iterator[tuple[str, str]]:
    """The annotation of each field of a class, and what is written under it from the next line on."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return  # Made without a source file.
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            doc = below.value if isinstance(below, ast.Expr) else None
            text = doc.value if isinstance(doc, ast.Constant) and isinstance(doc.value, str) else ""
            yield field.target.id, f"{ast.unparse(field.annotation)}\n{text}"
