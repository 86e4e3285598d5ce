"""Recognises secrets in text, with few false alarms. The kinds of tokens are those of the scanner detect-secrets."""

from __future__ import annotations

import re

MARK = "pragma: allowlist secret"
"""On a line of text: it has no secret. The mark of detect-secrets."""

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d")),
    ("an API token of UpCloud", re.compile(r"\bucat_[A-Za-z0-9]{6,}")),
    ("a token of GitHub", re.compile(r"\b(?:gh[opsru]_[A-Za-z0-9]{20,}|github_pat_\w{20,})")),
    (
        "a token of GitLab",
        re.compile(r"\b(?:gl(?:pat|rt|dt|ptt|ft|soat|cbt|imt|agent|oas|rtr)-[\w-]{16,}|GR1348941[\w-]{20,})"),
    ),
    ("an access key of AWS", re.compile(r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b")),
    (
        "a token of Slack",
        re.compile(r"\bxox[abposr]-(?:\d+-)+[a-z0-9]+|hooks\.slack\.com/services/T\w+/B\w+/\w+", re.IGNORECASE),
    ),
    ("a token of npm", re.compile(r"//.{1,200}/:_authToken=\s*(?:npm_\w+|[A-Fa-f0-9-]{36})|\bnpm_[A-Za-z0-9]{36}\b")),
    ("a token of PyPI", re.compile(r"\bpypi-AgE[A-Za-z0-9_-]{70,}")),
    ("a key of Stripe", re.compile(r"\b[rs]k_live_[0-9A-Za-z]{24}")),
    ("a key of SendGrid", re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}")),
    ("a key of OpenAI", re.compile(r"\bsk-[\w-]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}")),
    ("a key of Azure", re.compile(r"\bAccountKey=[A-Za-z0-9+/=]{88}")),
    # user:password@host, also without a user. A variable is not a password.
    (
        "a password in a URL",
        re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:[^\s/@$<{'\"][^\s/@'\"]*@", re.IGNORECASE),
    ),
)

_PASSWORD = re.compile(
    # The word must end there: `password_file=/run/x` is a path.
    r"(?:password|passwd|passphrase|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|(?:access|auth|api)[_-]?token)"
    r"""["']?\s*[=:]\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s"']+))""",
    re.IGNORECASE,
)
_SHORTEST = 4
_SETTINGS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "prompt", "required", "optional"})
"""Values that say how a password is used."""
_NAME_SERVICES = frozenset({"files", "compat", "db", "systemd", "sss", "ldap", "nis", "nisplus", "winbind", "hesiod"})
"""The sources of accounts in `/etc/nsswitch.conf`, after `passwd:`."""
_REFERENCE = re.compile(r"[$<{/*%]")
"""The first character of a variable, a placeholder, a path or a pattern."""
_QUOTED_REFERENCE = re.compile(r"\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|[<{/*%].*")
"""The same in single quotes, in which a shell expands nothing: other text with a `$` is meant literally."""


def secret_in(text: str) -> str | None:
    """The kind of secret that a text seems to contain, or None."""
    for line in text.splitlines():
        if MARK in line:
            continue
        for kind, pattern in _KINDS:
            if pattern.search(line):
                return kind
        if any(_is_password(found) for found in _PASSWORD.finditer(line)):
            return "a password"
    return None


def _is_password(found: re.Match[str]) -> bool:
    if found["single"] is not None:
        value, is_reference = found["single"], _QUOTED_REFERENCE.fullmatch(found["single"]) is not None
    else:
        value = found["double"] if found["double"] is not None else found["bare"]
        is_reference = _REFERENCE.match(value) is not None
    plain = value.strip().rstrip(",;").lower()
    if is_reference or len(plain) < _SHORTEST or plain in _SETTINGS:
        return False
    return not (found["bare"] and plain in _NAME_SERVICES)
