"""The list of mutants matches the code and the tests. `make mutants` runs the mutants."""

from __future__ import annotations

from tests.mutants.__main__ import ROOT, read_mutants


def is_there(test: str) -> bool:
    """Whether this file exists and contains this test."""
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    return path.exists() and (not name or f"def {name.rpartition('::')[2]}(" in path.read_text(encoding="utf-8"))


def test_each_mutant_has_its_line_and_its_tests() -> None:
    mutants = read_mutants()
    gone = [each.breaks for each in mutants if each.apply(each.path.read_text(encoding="utf-8")) is None]
    assert gone == []
    assert [test for each in mutants for test in each.tests if not is_there(test)] == []
