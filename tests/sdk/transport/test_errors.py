from __future__ import annotations

import copy
import inspect
import json
import pickle
from typing import TYPE_CHECKING

import pytest

from tests.sdk import documents
from upcloud_sdk import Server, ServerState, errors
from upcloud_sdk._transport.error_documents import read_error
from upcloud_sdk._wire import one
from upcloud_sdk.errors import api_error_class

if TYPE_CHECKING:
    from collections.abc import Callable

DISK = "01a1b2c3-d4e5-4f60-8a7b-0123456789a1"

TREE = {
    errors.ConfigError: errors.UpCloudError,
    errors.NotOpen: errors.UpCloudError,
    errors.NoMatch: errors.UpCloudError,
    errors.Ambiguous: errors.UpCloudError,
    errors.TransportError: errors.UpCloudError,
    errors.NotSent: errors.TransportError,
    errors.ConnectTimeout: errors.NotSent,
    errors.OutcomeUnknown: errors.TransportError,
    errors.ForeignAnswer: errors.TransportError,
    errors.LeaseLost: errors.UpCloudError,
    errors.AnswerTimeout: errors.OutcomeUnknown,
    errors.UnexpectedAnswer: errors.UpCloudError,
    errors.ApiError: errors.UpCloudError,
    errors.AuthenticationFailed: errors.ApiError,
    errors.PaymentRequired: errors.ApiError,
    errors.Forbidden: errors.ApiError,
    errors.LimitReached: errors.Forbidden,
    errors.NotFound: errors.ApiError,
    errors.InvalidRequest: errors.ApiError,
    errors.RateLimited: errors.ApiError,
    errors.ServerFault: errors.ApiError,
    errors.Conflict: errors.ApiError,
    errors.IllegalState: errors.Conflict,
    errors.NoCapacity: errors.Conflict,
    errors.ResourceFailed: errors.UpCloudError,
    errors.WaitTimeout: errors.UpCloudError,
    errors.BakeFailed: errors.UpCloudError,
    errors.CleanupFailed: errors.UpCloudError,
}

CALL = "POST /server"
LAST = one(Server, "server").read(json.dumps(documents.server()).encode())


def _api(kind: type[errors.ApiError], status: int, code: str = "") -> errors.ApiError:
    return kind(
        CALL,
        status=status,
        code=code,
        message="It is so.",
        correlation_id="01FY8RP81GDE07BAVYY7V4DKRY",
        invalid_params=[("zone", "Unknown.")],
    )


def _rate_limited() -> errors.RateLimited:
    error = errors.RateLimited(CALL, status=429)
    error.retry_after = 120.0
    return error


EXAMPLES: list[errors.UpCloudError] = [
    errors.UpCloudError("something"),
    errors.ConfigError("no credentials"),
    errors.NotOpen("not open"),
    errors.NoMatch("no template", candidates=["Debian 12", "Debian 13"]),
    errors.Ambiguous("two templates", candidates=["0100-1", "0100-2"]),
    errors.TransportError(CALL, "nothing came back"),
    errors.NotSent(CALL, "could not connect", may_pass=False),
    errors.ConnectTimeout(CALL, "no connection in time"),
    errors.AnswerTimeout(CALL, "no answer within 30 s", label="upcloud_sdk_attempt=abc"),
    errors.OutcomeUnknown(CALL, "no answer within 30 s", label="upcloud_sdk_attempt=abc"),
    errors.ForeignAnswer(CALL, status=502, content_type="text/html"),
    errors.LeaseLost("00c0ffee", "somebody took it"),
    errors.UnexpectedAnswer(CALL, "Server", "server.uuid", "Field required"),
    _api(errors.ApiError, 405, "METHOD_NOT_ALLOWED"),
    _api(errors.AuthenticationFailed, 401, "AUTHENTICATION_FAILED"),
    _api(errors.PaymentRequired, 402, "INSUFFICIENT_CREDITS"),
    _api(errors.Forbidden, 403, "ACTION_FORBIDDEN"),
    _api(errors.LimitReached, 403, "SERVER_CORE_LIMIT_REACHED"),
    _api(errors.NotFound, 404, "SERVER_NOT_FOUND"),
    _api(errors.InvalidRequest, 400, "ZONE_INVALID"),
    _rate_limited(),
    _api(errors.ServerFault, 503, "SERVICE_ERROR"),
    _api(errors.Conflict, 409, "STORAGE_ATTACHED"),
    _api(errors.IllegalState, 409, "SERVER_STATE_ILLEGAL"),
    _api(errors.NoCapacity, 409, "SERVER_RESOURCES_UNAVAILABLE"),
    errors.ResourceFailed("server", "00c0ffee", ServerState.ERROR),
    errors.WaitTimeout("not within 300 s", last=LAST),
    errors.BakeFailed("00c0ffee", "2fd00e8dc812", "a command failed"),
    errors.CleanupFailed("00c0ffee", "may still cost money"),
]


def _public_errors() -> set[type[BaseException]]:
    members = vars(errors).values()
    return {
        m for m in members if inspect.isclass(m) and issubclass(m, BaseException) and not m.__name__.startswith("_")
    }


def test_the_tree_of_errors_matches_its_drawing() -> None:
    assert _public_errors() == {errors.UpCloudError, *TREE}
    for child, parent in TREE.items():
        assert issubclass(child, parent), child
        nearest = next(base for base in child.__mro__[1:] if base in TREE or base is errors.UpCloudError)
        assert nearest is parent, child


def test_the_drawing_in_the_module_names_every_error() -> None:
    drawing = inspect.getdoc(errors)
    assert drawing is not None
    for kind in TREE:
        assert kind.__name__ in drawing


def test_all_names_are_exported() -> None:
    assert set(errors.__all__) == {kind.__name__ for kind in _public_errors()}
    assert errors.__all__ == sorted(errors.__all__)


def test_no_match_and_ambiguous_are_lookup_errors_and_timeouts_are_timeout_errors() -> None:
    assert issubclass(errors.NoMatch, LookupError)
    assert issubclass(errors.Ambiguous, LookupError)
    assert issubclass(errors.WaitTimeout, TimeoutError)


def test_each_error_has_an_example() -> None:
    assert {type(example) for example in EXAMPLES} == _public_errors()


def _pickled(error: errors.UpCloudError) -> errors.UpCloudError:
    twin: errors.UpCloudError = pickle.loads(pickle.dumps(error))
    return twin


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [_pickled, copy.copy], ids=["pickle", "copy"])
def test_a_copy_of_an_error_has_the_same_message_and_attributes(
    error: errors.UpCloudError, copied: Callable[[errors.UpCloudError], errors.UpCloudError]
) -> None:
    twin = copied(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error) != ""
    assert twin.args == error.args
    assert vars(twin) == vars(error)


def test_a_note_survives_pickle() -> None:
    error = errors.CleanupFailed("00c0ffee", "may still cost money")
    error.add_note("and another one")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["and another one"]


def test_an_api_error_names_the_call_the_code_the_status_and_the_correlation_id() -> None:
    error = _api(errors.InvalidRequest, 400, "ZONE_INVALID")
    assert str(error) == (
        "POST /server: It is so.; zone: Unknown. (ZONE_INVALID, HTTP 400, correlation id 01FY8RP81GDE07BAVYY7V4DKRY)"
        "; zones.list() shows the ids"
    )


def test_an_error_without_a_code_still_says_its_status() -> None:
    assert str(errors.ServerFault(CALL, status=502)) == "POST /server: no message (HTTP 502)"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "ZONE_INVALID", errors.InvalidRequest),
        (401, "AUTHENTICATION_FAILED", errors.AuthenticationFailed),
        (402, "INSUFFICIENT_CREDITS", errors.PaymentRequired),
        (403, "ACTION_FORBIDDEN", errors.Forbidden),
        (403, "SERVER_CORE_LIMIT_REACHED", errors.LimitReached),
        (409, "STORAGE_DEVICE_LIMIT_REACHED", errors.LimitReached),
        (404, "SERVER_NOT_FOUND", errors.NotFound),
        (409, "STORAGE_ATTACHED", errors.Conflict),
        (409, "SERVER_STATE_ILLEGAL", errors.IllegalState),
        (409, "STORAGE_STATE_ILLEGAL", errors.IllegalState),
        (409, "SERVER_RESOURCES_UNAVAILABLE", errors.NoCapacity),
        (409, "IP_ADDRESS_RESOURCES_UNAVAILABLE", errors.NoCapacity),
        (409, "METADATA_DISABLED_ON_CLOUD-INIT", errors.Conflict),
        (429, "", errors.RateLimited),
        (429, "REQUEST_LIMIT_REACHED", errors.RateLimited),
        (500, "SERVICE_ERROR", errors.ServerFault),
        (503, "SERVER_RESOURCES_UNAVAILABLE", errors.ServerFault),
        (599, "", errors.ServerFault),
        (405, "METHOD_NOT_ALLOWED", errors.ApiError),
        (418, "", errors.ApiError),
    ],
)
def test_the_class_follows_the_status_and_the_code(status: int, code: str, kind: type[errors.ApiError]) -> None:
    assert api_error_class(status, code) is kind


LEGACY = b'{"error": {"error_code": "SERVER_INVALID", "error_message": "The server UUID is invalid."}}'
PROBLEM = b"""{"type": "https://developers.upcloud.com/1.3/errors#ERROR_INVALID_REQUEST", "title": "Validation error.",
 "status": 400, "invalid_params": [{"name": "default_backend", "reason": "Backend doesn't exist."}],
 "correlation_id": "01FY8RP81GDE07BAVYY7V4DKRY"}"""


def _read(content: bytes, *, status: int = 400) -> errors.ApiError:
    error = read_error("GET /x", status, content)
    assert error is not None
    return error


def test_the_older_error_format_is_read() -> None:
    error = _read(LEGACY)
    assert (error.code, error.message) == ("SERVER_INVALID", "The server UUID is invalid.")
    assert error.correlation_id is None
    assert error.invalid_params == ()


def test_the_newer_error_format_is_read() -> None:
    error = _read(PROBLEM)
    assert error.code == "INVALID_REQUEST"
    assert error.message == "Validation error."
    assert error.correlation_id == "01FY8RP81GDE07BAVYY7V4DKRY"
    assert error.invalid_params == (("default_backend", "Backend doesn't exist."),)


def test_a_type_that_is_not_a_url_is_the_code() -> None:
    assert _read(b'{"type": "GROUP_NOT_FOUND", "title": "No."}').code == "GROUP_NOT_FOUND"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"error": "text"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=[
        "empty",
        "html",
        "no text",
        "truncated",
        "list",
        "null",
        "string",
        "object",
        "error a string",
        "deep",
        "deeper",
    ],
)
def test_a_body_that_is_not_from_the_api_is_no_api_error(content: bytes) -> None:
    for status in (302, 400, 401, 404, 409, 429, 502):
        assert read_error("GET /x", status, content) is None


def test_the_field_names_of_the_contract_are_read_too() -> None:
    error = _read(b'{"error": {"code": "SERVER_NOT_FOUND", "message": "No."}}', status=404)
    assert (type(error), error.code, error.message) == (errors.NotFound, "SERVER_NOT_FOUND", "No.")


def test_the_field_names_of_the_contract_are_read_if_the_recorded_ones_are_empty() -> None:
    error = _read(b'{"error": {"error_code": null, "error_message": "", "code": "SERVER_NOT_FOUND", "message": "No."}}')
    assert (error.code, error.message) == ("SERVER_NOT_FOUND", "No.")


@pytest.mark.parametrize(
    "content",
    [
        b'{"error": {"error_code": 7, "error_message": null}}',
        b'{"type": 7, "title": [], "invalid_params": {"a": 1}, "correlation_id": 3}',
        b'{"type": "about:blank", "title": "Not Found", "status": 404}',
        b'{"error": {"error_message": "No."}}',
    ],
)
def test_a_document_without_a_code_is_not_from_the_api(content: bytes) -> None:
    assert read_error("GET /x", 404, content) is None


def test_a_problem_with_a_correlation_id_is_from_the_api_even_without_a_code() -> None:
    error = _read(b'{"type": "about:blank", "title": "No.", "status": 404, "correlation_id": "01FY"}', status=404)
    assert (type(error), error.code, error.message) == (errors.NotFound, "", "No.")


@pytest.mark.parametrize("call", [f"GET /storage/{DISK}", f"POST /storage/{DISK}/clone"])
def test_a_404_for_a_storage_can_have_no_body(call: str) -> None:
    error = read_error(call, 404, b"")
    assert isinstance(error, errors.NotFound)
    assert error.code == "STORAGE_NOT_FOUND"


@pytest.mark.parametrize("call", [f"DELETE /storage/{DISK}", "GET /storage", f"GET /server/{DISK}", "GET /storage/a"])
def test_any_other_404_without_a_body_is_not_from_the_api(call: str) -> None:
    assert read_error(call, 404, b"") is None
    assert read_error(f"GET /storage/{DISK}", 401, b"") is None
    assert read_error(f"GET /storage/{DISK}", 404, b"<html>") is None


@pytest.mark.parametrize("code", ["SERVER_RESOURCES_UNAVAILABLE", "server_resources_unavailable"])
def test_a_full_zone_is_recognised_in_each_error_format(code: str) -> None:
    assert type(_read(json.dumps({"error": {"code": code, "message": ""}}).encode(), status=409)) is errors.NoCapacity


def test_an_error_document_with_odd_fields_is_still_read() -> None:
    error = _read(b'{"type": "X", "title": [], "invalid_params": ["a", {"name": 1}], "correlation_id": 3}')
    assert isinstance(error, errors.InvalidRequest)
    assert error.correlation_id is None
