"""Secrets: written out on their way to the API, or when somebody says so, and never else."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, SecretStr, SerializationInfo

WIRE = {"wire": True}
"""The serialization context of a request."""

SECRETS = {"secrets": True}
"""The serialization context of a dump that is to be read again, secrets included."""


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
            "these asterisks are the mask of a secret, and not the secret: dump with "
            "model_dump_json(context={'secrets': True}) what is to be read again"
        )
    return secret


WireSecret = Annotated[
    SecretStr, AfterValidator(_refuse_mask), PlainSerializer(_write_secret, return_type=str, when_used="json")
]
"""A secret of a request: written out only on its way to the API, and with `context={"secrets": True}`."""

Private = Annotated[str, PlainSerializer(_write_private, return_type=str, when_used="json")]
"""Text of an answer that may hold secrets: masked in JSON, so that a web application does not publish it."""
