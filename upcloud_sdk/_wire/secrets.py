"""Secrets: shown only in requests to the API, or on explicit demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, PlainSerializer, SecretStr, SerializationInfo


class Document(dict[str, Any]):
    """A JSON document of a request. It may contain secrets, so `repr`, which tracebacks may show, has only its keys."""

    def __repr__(self) -> str:
        return f"<document with {', '.join(self)}>"


WIRE = {"wire": True}
"""The serialization context of a request."""

SECRETS = {"secrets": True}
"""The serialization context of a dump with secrets, which can be read again."""


def _are_shown(info: SerializationInfo) -> bool:
    return info.context in (WIRE, SECRETS)


def _write_secret(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if _are_shown(info) else str(secret)


def _write_private(text: str, info: SerializationInfo) -> str:
    return text if _are_shown(info) else str(SecretStr(text))


def _refuse_mask(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) >= 8 and not text.strip("*"):
        raise ValueError(
            "these asterisks are the mask of a secret, not the secret: to dump the real value, use "
            "model_dump_json(context={'secrets': True})"
        )
    return secret


if TYPE_CHECKING:
    # As type checkers see these fields: they take text too, and are a `SecretStr`.
    class WireSecret:
        def __get__(self, of: object, kind: object = None) -> SecretStr: ...
        def __set__(self, of: object, value: SecretStr | str) -> None: ...

    class OptionalWireSecret:
        def __get__(self, of: object, kind: object = None) -> SecretStr | None: ...
        def __set__(self, of: object, value: SecretStr | str | None) -> None: ...

else:
    WireSecret = Annotated[
        SecretStr, AfterValidator(_refuse_mask), PlainSerializer(_write_secret, return_type=str, when_used="json")
    ]
    """A secret in a request. Shown only in the request to the API, and with `context={"secrets": True}`."""
    OptionalWireSecret = WireSecret | None

NO_SECRET: Any = None
"""The default of a field with an `OptionalWireSecret`."""

Private = Annotated[str, PlainSerializer(_write_private, return_type=str, when_used="json")]
"""Text in an answer that may contain secrets. Masked in JSON, so that a web application does not publish it."""
