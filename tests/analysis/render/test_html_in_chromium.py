"""report.html in a browser: nothing executes or is refused, and a reader can sort, filter, unfold and print it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser, Page, find_chromium
from sample_documents import PAYLOADS, every_block, make_pictures

from analysis.render.html_report import render

MARK = " " + " ".join(PAYLOADS)
UNFOLD = "document.querySelectorAll('details.section').forEach((section) => { section.open = true; })"
DRAWN = "[...document.querySelectorAll('.plot')].filter((plot) => plot.querySelector('svg.main-svg')).length"
FIRST_COLUMN = (
    "[...document.querySelectorAll('#all tbody tr:not([hidden])')].map((row) => row.cells[0].textContent.at(-1))"
)
ANSWERS = "document.querySelectorAll('.answer').length"
COUNT = "document.querySelector('.answers output').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here — install one (Debian's package is `chromium`) to run these tests")
    with Browser(program, tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report with plain texts and with texts that try to be markup and scripts."""
    folder = tmp_path_factory.mktemp("reports")
    make_pictures(folder)
    pages = {"plain": every_block(), "hostile": every_block(MARK)}
    for name, document in pages.items():
        (folder / f"{name}.html").write_text(render(document, folder, folder), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    return browser.open()


@pytest.fixture
def page(tab: Page, files: dict[str, Path]) -> Iterator[Page]:
    """The plain report on a wide screen; whatever a test does with it must not make it complain."""
    tab.size(1280, 900)
    tab.media(prefers_color_scheme="light")
    tab.go(files["plain"])
    yield tab
    assert tab.complaints() == []


def draw_all(page: Page) -> None:
    """Unfold everything and bring each chart into sight."""
    page.run(UNFOLD)
    for place in range(page.run("document.querySelectorAll('.plot').length")):
        page.run(f"document.querySelectorAll('.plot')[{place}].scrollIntoView({{behavior: 'instant'}})")
        page.wait(f"document.querySelectorAll('.plot')[{place}].querySelector('svg.main-svg')")


def choose(page: Page, label: str, option: str) -> None:
    """Choose in the answers browser as a person does: the event that follows is the browser's own kind."""
    page.run(
        f"""(() => {{
            const field = document.querySelector('.answers select[aria-label="{label}"]');
            field.value = [...field.options].find((option) => option.text === "{option}").value;
            field.dispatchEvent(new Event("change", {{ bubbles: true }}));
        }})()"""
    )


def answers(page: Page, selector: str) -> list[str]:
    """The texts of one part of the answers listed."""
    found: list[Any] = page.run(f"[...document.querySelectorAll('.answer {selector}')].map((part) => part.textContent)")
    return [str(text) for text in found]


def test_payloads_stay_text_and_nothing_is_refused_or_loaded(tab: Page, files: dict[str, Path]) -> None:
    tab.go(files["hostile"])
    draw_all(tab)
    tab.frame()
    assert tab.run("typeof window.hacked") == "undefined"
    assert tab.complaints() == []
    assert tab.requests() == [files["hostile"].as_uri()]
    places = [
        "h1",
        "h2",
        "header p",
        "p.good",
        "dd",
        "th",
        "td",
        "details.section summary",
        "figcaption",
        "pre",
        "nav a",
    ]
    places += [".answer header", ".answer .question", ".answer dd", ".answer bdi", ".answers option:nth-child(2)"]
    for payload in PAYLOADS:
        assert payload in tab.run("document.title")
        for place in places:
            assert payload in tab.run(f"document.querySelector({place!r}).textContent"), place
    # Plotly has a markup of its own: of what the report escapes for it, every sign arrives.
    charted = tab.run("document.querySelector('#chart-scores').textContent")
    assert all(payload in charted for payload in PAYLOADS)
    assert tab.run("document.querySelectorAll('#chart-scores a').length") == 0
    links = "[...document.querySelectorAll('.plot a')].flatMap((link) => [...link.attributes].map((a) => a.value))"
    assert not any("javascript" in value for value in tab.run(links)), "plotly keeps no such link by itself"


def test_no_markup_can_be_made_by_a_script(tab: Page, files: dict[str, Path]) -> None:
    tab.go(files["plain"])
    with pytest.raises(RuntimeError, match="TrustedHTML"):
        tab.run("document.body.insertAdjacentHTML('beforeend', '<b>x</b>')")


def test_charts_are_drawn_when_they_come_into_sight(page: Page) -> None:
    page.frame()
    assert not page.run("document.querySelector('#s-t0 svg')"), "it is folded away"
    page.click("#s-t0 summary")
    page.wait("document.querySelector('#s-t0 svg.main-svg')")
    assert not page.run("document.querySelector('#s-t2 svg')"), "it is still folded"
    draw_all(page)
    assert page.run(DRAWN) == page.run("document.querySelectorAll('.plot').length") == 5
    assert page.run("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.scatterlayer path'))")


def test_charts_fit_their_box_after_the_window_changes(page: Page) -> None:
    draw_all(page)
    page.size(700, 900)
    page.wait("[...document.querySelectorAll('.plot svg.main-svg')].every((svg) => svg.clientWidth <= 668)")


def test_a_table_is_sorted_by_mouse_and_by_keyboard(page: Page) -> None:
    assert page.run(FIRST_COLUMN) == list("бваёгд")
    page.click("#all th:nth-child(2) button")
    assert page.run(FIRST_COLUMN) == list("дбёгва"), "numbers, the largest first, missing last"
    assert page.run("document.querySelector('#all th:nth-child(2)').ariaSort") == "descending"
    page.press("Enter")
    assert page.run(FIRST_COLUMN) == list("вгёбда"), "the button has the focus; missing is still last"
    assert page.run("document.querySelector('#all th:nth-child(2)').ariaSort") == "ascending"
    page.run("document.querySelector('#all th button').focus()")
    page.press(" ")
    assert page.run(FIRST_COLUMN) == list("абвгдё")
    assert page.run("[...document.querySelectorAll('#all [aria-sort]')].length") == 1
    assert page.run("[...document.querySelectorAll('#all tbody tr.good')][0].cells[0].textContent.at(-1)") == "б"


def test_a_table_is_filtered_by_words(page: Page) -> None:
    page.type("#all input", "  0.125 Е ")
    assert page.run(FIRST_COLUMN) == ["ё"], "all words, in any case, ё as е"
    assert page.run("document.querySelector('#all output').textContent") == "Показано 1 из 6"
    page.type("#all input", "нет такого")
    assert page.run(FIRST_COLUMN) == []
    assert page.run("document.querySelector('#all output').textContent") == "Ничего не найдено"
    page.type("#all input", "")
    assert page.run(FIRST_COLUMN) == list("бваёгд")
    assert page.run("document.querySelector('#all output').ariaLive") == "polite"


def test_answers_are_filtered_and_listed_in_portions(page: Page) -> None:
    assert page.run(COUNT) == "Показано 60 из 180"
    assert page.run(ANSWERS) == 50
    page.run("document.querySelector('.answers > button').focus()")
    page.press("Enter")
    assert page.run(ANSWERS) == 60
    assert page.run("document.activeElement === document.querySelectorAll('.answer')[50]")
    assert page.run("document.querySelector('.answers > button').hidden")
    choose(page, "Персонаж", "Колобок")
    assert page.run(COUNT) == "Показано 15 из 180"
    assert {text.split(" · ")[0] for text in answers(page, "header")} == {"Колобок"}
    choose(page, "Испытание", "lora_v1")
    choose(page, "Оценка после", "неверный факт")
    # Probes 1, 5, 9, …: after t1 their grade is of place (probe + 1) % 7; wrong_fact is of place 4.
    assert answers(page, "header") == [f"Колобок · p{number} · lora_v1" for number in (17, 45)]
    assert answers(page, "dd:last-child .grade") == ["неверный факт"] * 2
    choose(page, "Оценка после", "верно")
    assert page.run(ANSWERS) == 2
    page.click(".answers input[type=checkbox]")
    assert page.run(COUNT) == "Ничего не найдено", "all of them were right before too"


def test_answers_show_a_picture_or_say_that_there_is_none(page: Page) -> None:
    choose(page, "Персонаж", "Супермен")
    assert page.run("document.querySelector('.answer img').alt") == "Супермен"
    page.wait("document.querySelector('.answer img').naturalWidth === 96")
    choose(page, "Персонаж", "Солнышко")
    assert answers(page, "> :first-child")[0] == "картинки нет"


def test_colours_follow_the_dark_mode_and_print_is_light(page: Page) -> None:
    draw_all(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    text = "getComputedStyle(document.querySelector('#chart-scores .annotation-text')).fill"
    light = (page.run(ground), page.run(text))
    page.media(prefers_color_scheme="dark")
    page.wait(f"{text} === 'rgb(228, 230, 233)'")
    assert page.run(ground) == "rgb(21, 23, 26)"
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert (page.run(ground), page.run(text)) == light
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run(text) == "rgb(228, 230, 233)"


def test_printing_draws_what_was_not_in_sight(page: Page) -> None:
    page.do("Page.printToPDF")
    assert page.run(DRAWN) == 2, "the charts that are not folded away"


def test_a_phone_scrolls_down_only_and_has_a_menu(page: Page) -> None:
    page.size(390, 844, phone=True)
    page.wait("!document.querySelector('.contents').open")
    page.run(UNFOLD)
    draw_all(page)
    assert page.run("document.documentElement.scrollWidth") == 390
    page.run("document.querySelectorAll('details.section').forEach((section) => { section.open = false; })")
    page.run("document.querySelector('.contents summary').focus()")
    page.press("Enter")
    page.wait("document.querySelector('.contents').open")
    page.click('.contents a[href="#s-t1"]')
    page.wait("document.getElementById('s-t1').open")
    assert not page.run("document.querySelector('.contents').open")
    page.wait("document.getElementById('s-t1').getBoundingClientRect().top < 200")


def test_hostile_names_do_not_widen_a_phone_either(tab: Page, files: dict[str, Path]) -> None:
    tab.size(390, 844, phone=True)
    tab.go(files["hostile"])
    draw_all(tab)
    assert tab.run("document.documentElement.scrollWidth") == 390


def test_the_first_key_leads_past_the_contents(page: Page) -> None:
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    assert page.run("document.activeElement.getBoundingClientRect().left") >= 0
    page.press("Enter")
    page.wait("document.activeElement.id === 'content'")
