"""Reasons of skipped tests name a requirement and a make target, and a run ends with their count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

WHOLE = "wants a moon: `make test` runs it at night"
TESTS = f"""
import pytest

@pytest.mark.parametrize("_", range(2))
def test_in_a_body(_):
    pytest.skip("{WHOLE}")

@pytest.mark.skipif(True, reason="wants a sun: `make test-vm` runs it by day")
def test_by_a_mark(): ...

def test_that_passes(): ...
"""


def test_a_run_ends_with_the_count_of_its_skipped_tests_by_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "tests.skips", "-p", "no:cacheprovider", "-n", "1", timeout=120)
    assert result.parseoutcomes() == {"passed": 1, "skipped": 3}
    assert result.outlines[-1] == f"3 skipped: {WHOLE} (2); wants a sun: `make test-vm` runs it by day (1)"


def test_a_skipped_test_fails_that_does_not_say_what_it_wants_and_which_make_target_runs_it(
    pytester: pytest.Pytester,
) -> None:
    reasons = ["no moon", "wants a moon", "wants a moon: `make moon` runs it"]
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.parametrize('reason', {reasons})\ndef test_it(reason): pytest.skip(reason)"
    )
    result = pytester.runpytest_inprocess("-p", "tests.skips", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines([f"*does not say what it wants*: {reason}" for reason in reasons])
