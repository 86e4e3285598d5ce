"""Recognises secrets in text, with few false alarms."""

from __future__ import annotations

import re

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")),
    ("an API token of UpCloud", re.compile(r"\bucat_[A-Za-z0-9]{6,}")),
    ("a token of GitHub", re.compile(r"\b(?:gh[opsru]_[A-Za-z0-9]{20,}|github_pat_\w{20,})")),
    ("a token of GitLab", re.compile(r"\bglpat-[\w-]{16,}")),
    # user:password@host. A variable is not a password.
    (
        "a password in a URL",
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]+:[^\s/@$<{'\"][^\s/@'\"]*@", re.IGNORECASE),
    ),
    (
        "a password",
        # The word must end there: `password_file=/run/x` is a path. A variable is not a secret.
        re.compile(
            r"(?:password|passwd|passphrase|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|(?:access|auth|api)[_-]?token)"
            r"""["']?\s*[=:]\s*["']?[^\s"'$<{/*]{4,}""",
            re.IGNORECASE,
        ),
    ),
)


def secret_in(text: str) -> str | None:
    """The kind of secret that a text seems to contain, or None."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), None)
