"""The page of an audit."""

import re

import numpy as np

from fittingroom.reporting import audit_page as room
from fittingroom.reporting.audit_page import audit_page, audit_sentence, counts_table
from tests.auditing.made_up import BASIS, made_up
from tests.reporting.conftest import images

IMAGES = images(60)
LABELS = (np.arange(60) % 3).astype(np.uint8)


def page_of(audit) -> str:
    return audit_page(audit, IMAGES, LABELS).decode()


def test_each_finding_is_there_with_labels_and_place():
    page = page_of(made_up())
    told = re.sub(r"<[^>]*>", " ", re.sub(r'src="[^"]*"', "", page))
    words = " ".join(told.split())
    assert "shirt → suggested coat &gt;99% test 5" in words
    assert "coat → suggested bag 90% training 7" in words
    assert "&gt;99.9% alike training 3 · test 4" in words
    assert "exact copy training 5 · test 0" in words
    assert "99.6% alike training 1 · training 2" in words
    assert "distance 1.20 test 19" in words
    assert "5 models of the recipe tiny judged the labels, each trained for 2 to 3 epochs" in words
    assert "arXiv:1911.00068" in words


def test_it_needs_nothing_but_itself_and_escapes_what_it_shows():
    basis = BASIS | {"data": "<b>data", "classes": ("<i>", "&", '"')}
    page = page_of(made_up(basis=basis))
    assert "<b>data" not in page
    assert "<i>" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page


def test_an_audit_that_found_nothing_says_so():
    audit = made_up(doubtful=(), pairs=(), outliers=())
    assert page_of(audit).count("None found.") == 3
    assert "0 test images of 20 are nearly" in audit_sentence(audit)


def test_long_lists_say_how_much_is_shown(monkeypatch):
    monkeypatch.setattr(room, "_PAIRS", 1)
    monkeypatch.setattr(room, "_OUTLIERS", 1)
    page = page_of(made_up())
    assert "A test image and its near-duplicate in training: the first 1 of 2" in page
    assert "Furthest first: the first 1 of 2" in page
    assert "distance 1.10" not in page


def test_the_sentence_counts():
    sentence = audit_sentence(made_up())
    assert "Of 60 labels in made-up, 3 are doubtful. 3 test images of 20 are nearly" in sentence
    one = made_up(pairs=[(1, 44, 1, True)])
    assert "1 test image of 20 is nearly the same" in audit_sentence(one)


def test_the_table_has_the_counts_by_set():
    rows = {row[0]: row[1:] for row in counts_table(made_up()).rows}
    assert rows["Images"] == ("40", "20", "–")
    assert rows["Doubtful labels"] == ("1", "2", "–")
    assert rows["Pairs of near-duplicates"] == ("1", "2", "2")
    assert rows["of these, exact copies"] == ("0", "1", "1")
    assert rows["Images with a near-duplicate in training"] == ("–", "3", "–")
    assert rows["Outliers"] == ("1", "1", "–")
