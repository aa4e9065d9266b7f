"""Headless Chromium for the tests of the pages."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE = 120_000  # milliseconds
LOCAL = ("http://127.0.0.1", "http://localhost", "ws://", "data:", "blob:")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Debian's Chromium. Without it the tests are skipped, but in CI they fail."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if chromium is None:
        advice = "Chromium is not installed: `apt-get install chromium`, or set CHROMIUM"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(advice)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_opener(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens an address in a context of its own.

    The test fails if a page has a script error, or requests something from another machine.
    """
    contexts, faults = [], []

    def open_page(address: str, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 1250}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda r: r.url.startswith(LOCAL) or faults.append(r.url))
        page.goto(address)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert not faults


def save_screenshot(page: Page, name: str) -> None:
    """Save a picture of the page if SCREENSHOT_DIR is set."""
    if folder := os.environ.get("SCREENSHOT_DIR"):
        page.mouse.move(0, 0)  # otherwise the button below the pointer looks pressed
        page.wait_for_timeout(300)
        page.screenshot(path=str(Path(folder) / name))
