"""The model card names data, figures, checks and limits, and what a name holds stays text."""

import pytest

from vehicle_price.gate.model_card import as_html, as_markdown, sections

FACTS = {
    "family": "xgboost",
    "market": "real",
    "seed": 20,
    "parameters": {"rounds": 1000},
    "trained_cars": 86_402,
    "first_day": "2021-04-04",
    "last_day": "2021-04-23",
    "code_commit": "abc",
    "code_dirty": True,
    "lock_sha256": "5a",
    "data": {"sha256": "6b", "rows": 207_013, "provenance": {"source": "<file>"}},
}
MEASURED = {"mae": 2_769.0, "median_ape": 0.134, "r2": 0.83, "coverage": 0.913}
DECISION = {
    "version": "3",
    "promoted": False,
    "cars": 25_558,
    "rival": "production",
    "measured": {"3": MEASURED, "production": MEASURED | {"mae": None}},
    "gain": {"mean": 61.2, "low": 10.0, "high": 110.4},
    "segments": [{"segment": "make a|b", "cars": 120, "mae": 900.0, "rival_mae": 950.0}],
    "reasons": ["ok: MAE of 2,769", "refused: the interval holds 70%", "a note"],
}


@pytest.fixture(name="card")
def _card():
    return as_markdown("Card", sections("3", FACTS, DECISION))


def test_a_card_says_what_it_learnt_from_and_how_it_was_made(card):
    for words in (
        "| market | real |",
        "| posted | 2021-04-04 to 2021-04-23 |",
        "| cars that it learnt from | 86,402 |",
        "abc, dirty: the tree had changes",
        "| hash of Pipfile.lock | 5a |",
        "Intended use",
        "Asked prices are not sale prices",
    ):
        assert words in card, words


def test_a_card_gives_every_check_with_figure_limit_and_uncertainty(card):
    assert "| refused | the interval holds 70% |" in card and "|  | a note |" in card
    assert "| version 3 | $2,769 | 13.4% | 0.830 | 91.3% |" in card
    assert "| production | – | 13.4% |" in card
    assert "The gain over production is $61 a car, $10 to $110 with 99%" in card
    assert "| make a/b | 120 | $900 | $950 |" in card


def test_the_card_of_another_version_names_the_better_one():
    beaten = DECISION | {"measured": DECISION["measured"] | {"2": MEASURED}}
    card = as_markdown("Card", sections("2", FACTS, beaten))
    assert "version 3 was better" in card and "refused |" not in card


def test_a_loss_has_its_sign_before_the_dollars():
    loss = DECISION | {"gain": {"mean": -1_546.2, "low": -1_937.0, "high": -0.3}}
    card = as_markdown("Card", sections("3", FACTS, loss))
    assert "is -$1,546 a car, -$1,937 to $0 with" in card


def test_the_card_of_a_version_that_took_no_part_gives_the_reasons():
    card = as_markdown("Card", sections("2", FACTS, DECISION))
    assert "took no part" in card and "| refused | the interval holds 70% |" in card
    assert "was better" not in card


def test_a_decision_without_a_comparison_has_a_card():
    refused = DECISION | {"measured": {}, "gain": {}, "segments": [], "cars": 0}
    assert "Refused." in as_markdown("Card", sections("3", FACTS, refused))


def test_the_page_shows_names_as_text_and_needs_no_other_file():
    page = as_html("Card", sections("3", FACTS, DECISION))
    assert "&lt;file&gt;" in page and "<file>" not in page
    assert "<script" not in page and "http" not in page
