"""A browser, and an installation that all browser tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.e2e.installation import ROOT, Installation
from tests.e2e.watching import Watch

KEPT = ROOT / "var" / "e2e"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root, in a closed network, without a graphics card.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here")
    browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The folder that scripts/e2e.py has emptied for all of its processes."""
    folder = KEPT / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database and its secrets, to be copied."""
    installation = Installation(var=tmp_path_factory.mktemp("migrated"))
    installation.manage("migrate", "--verbosity", "0")
    return installation.var


@pytest.fixture
def installation(tmp_path: Path, migrated: Path) -> Installation:
    """A folder of the test's own, its database migrated."""
    shutil.copytree(migrated, tmp_path / "var")
    return Installation(var=tmp_path / "var")


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, migrated: Path, worker_id: str
) -> Iterator[Installation]:
    """The whole service, running; its logs are kept with the screenshots."""
    installation = Installation(var=tmp_path_factory.mktemp("service") / "var")
    shutil.copytree(migrated, installation.var)
    try:
        with installation.running():
            yield installation
    finally:
        KEPT.mkdir(parents=True, exist_ok=True)
        shutil.copy(installation.log("up"), KEPT / f"service-{worker_id}.log")


@pytest.fixture
def open_page(
    browser: Browser, service: Installation
) -> Iterator[Callable[..., Watch]]:
    """Open a page as a new visitor: ``open_page(locale=…, width=…, colours=…)``."""
    contexts = []

    def open_one(
        *, locale: str = "ru-RU", width: int = 1440, colours: str = "light"
    ) -> Watch:
        context = browser.new_context(
            base_url=service.url,
            locale=locale,
            viewport={"width": width, "height": 900 if width > 600 else 844},
            color_scheme="dark" if colours == "dark" else "light",
            accept_downloads=True,
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page: Page = context.new_page()
        return Watch(page=page)

    yield open_one
    for context in contexts:
        context.close()
