"""`upcloud-sdk price`, `plans`, `templates` and `simulator`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


def test_plans_of_a_size_are_listed_cheapest_first(cli: Cli) -> None:
    plans = json.loads(cli("plans", "--cores", "2", "--memory", "4096", "--json").stdout)
    assert all(plan["cores"] >= 2 and plan["memory_mib"] >= 4096 for plan in plans)
    prices = [float(plan["per_hour"]) for plan in plans]
    assert prices == sorted(prices)
    assert prices


def test_a_plan_costs_what_its_server_costs_with_a_disk_and_an_address(cli: Cli) -> None:
    plans = json.loads(cli("plans", "--json", "--size", "30").stdout)
    for name in ("CLOUDNATIVE-1xCPU-4GB", "PREMIUM-1xCPU-1GB"):
        [plan] = [each for each in plans if each["plan"] == name]
        *items, total = json.loads(cli("price", name, "--size", "30", "--json").stdout)
        address = {"ipv4_address", "ipv6_address"} & {item["item"] for item in items}
        assert (plan["per_hour"], plan["currency"]) == (total["per_hour"], "EUR"), address
        assert plan["per_month"] == total["per_month"]


def test_only_plans_on_sale_are_listed_unless_all_are_asked_for(cli: Cli) -> None:
    on_sale, every = (
        {plan["plan"] for plan in json.loads(cli("plans", "--json", *option).stdout)} for option in ([], ["--all"])
    )
    assert {"PREMIUM-1xCPU-1GB", "STARTER-1xCPU-1GB"} <= on_sale
    assert not {"1xCPU-1GB", "DEV-1xCPU-1GB"} & on_sale
    assert {"1xCPU-1GB", "DEV-1xCPU-1GB", *on_sale} <= every


def test_an_unknown_zone_is_refused_with_those_that_exist(cli: Cli) -> None:
    result = cli("plans", "--zone", "xx-xxx1")
    assert result.exit_code == 1
    assert "no zone 'xx-xxx1'" in result.stderr
    assert "fi-hel1" in result.stderr


def test_plans_of_a_size_that_is_not_sold_are_none(cli: Cli) -> None:
    assert cli("plans", "--cores", "9999").stdout == "no plan of this size has a price in fi-hel1\n"


def test_a_price_is_the_sum_of_its_items_and_creates_nothing(cli: Cli) -> None:
    *items, total = json.loads(cli("price", "PREMIUM-2xCPU-4GB", "--size", "120", "--json").stdout)
    assert {"server_plan_PREMIUM-2xCPU-4GB", "storage_maxiops"} <= {item["item"] for item in items}
    assert sum(float(item["per_hour"]) for item in items) == pytest.approx(float(total["per_hour"]))
    assert float(total["per_month"]) == pytest.approx(float(total["per_hour"]) * 672)


def test_a_plan_that_does_not_exist_is_refused_by_name(cli: Cli) -> None:
    result = cli("price", "NOPE-1")
    assert result.exit_code == 1
    assert "NOPE-1" in result.stderr


def test_a_plan_in_lower_case_is_refused_with_its_name(cli: Cli) -> None:
    assert "there are PREMIUM-2xCPU-4GB," in cli("price", "premium-2xcpu-4gb").stderr


def test_each_line_of_a_price_has_the_currency_of_the_account(cli: Cli) -> None:
    rows = json.loads(cli("price", "PREMIUM-2xCPU-4GB", "--json").stdout)
    assert {row["currency"] for row in rows} == {"EUR"}


def test_templates_are_found_by_words_of_their_title(cli: Cli) -> None:
    found = json.loads(cli("templates", "ubuntu", "noble", "--json").stdout)
    assert [each["title"] for each in found] == ["Ubuntu Server 24.04 LTS (Noble Numbat)"]


def test_the_simulator_takes_its_own_options(cli: Cli) -> None:
    result = cli("simulator", "--port", "many")
    assert result.exit_code == 2


def test_the_help_of_the_simulator_names_the_command(cli: Cli) -> None:
    assert cli("simulator", "--help").stdout.startswith("usage: upcloud-sdk simulator ")
