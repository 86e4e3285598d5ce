"""SSH keys, as users write them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)


def _read_key(value: object) -> object:
    if isinstance(value, Path):
        return _key_in(value.expanduser())
    if not isinstance(value, str):
        return value
    key = value.strip()
    if key.startswith("-----BEGIN") or "PRIVATE KEY" in key:
        raise ValueError("this is a private key: give the public key, the line in the file that ends in .pub")
    if _is_key(key):
        return key
    if " " not in key and (key.endswith(".pub") or key[:1] in {"~", "/", "."} or "\\" in key):
        raise ValueError("this is a path, not a key: write Path(...) around it, with `from pathlib import Path`")
    kinds = ", ".join(KINDS[:3])
    raise ValueError(f"not a public key: give a line that begins with {kinds} ..., or the Path of a file with one")


def _key_in(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read a public key from {path} ({type(error).__name__})") from None
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if _is_key(line)]
    if len(keys) != 1:
        raise ValueError(f"{path} has {len(keys)} public keys, not one: give the file that ends in .pub")
    return keys[0]


def _is_key(line: str) -> bool:
    words = line.split()
    # A key may have options before it. New kinds of keys will have the same encoding.
    known = any(word in KINDS or word.startswith("AAAA") for word in words)
    return known and len(words) > 1 and not line.startswith("#")


PublicKey = Annotated[str | Path, BeforeValidator(_read_key)]
"""A public key: one line, or the path of a file with one line, which is read."""
