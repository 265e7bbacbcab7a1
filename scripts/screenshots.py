"""``make screenshots``: the pictures of the README, of a demonstration of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from steps import ROOT, Stop, end, say

from e2e import BROWSERS

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 1180}
MANAGE = [sys.executable, str(ROOT / "manage.py")]
START_SECONDS = 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The pages alone: no worker moves the demonstration on."""
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [*MANAGE, "runserver", "--alone", "--noreload", address],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://{address}/")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait()


def _wait(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise Stop(f"Nothing answers at {address}")


def build(environment: dict[str, str]) -> tuple[str, str]:
    subprocess.run(
        [*MANAGE, "migrate", "--verbosity", "0"], env=environment, check=True
    )
    done = subprocess.run(
        [*MANAGE, "demo", "--no-color"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    login, password = re.findall(r": +(\S+)$", done.stdout, re.MULTILINE)[-2:]
    return login, password


def take(page: Page, address: str, login: str, password: str) -> None:
    page.goto(f"{address}/account/login/")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").first.click()
    page.wait_for_url(f"{address}/")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # the chart draws itself in
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / "home.png")
    say(f"{IMAGES.relative_to(ROOT)}/home.png")


def main() -> None:
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        end(Stop("No Chromium here: sudo apt-get install chromium"))
    with tempfile.TemporaryDirectory() as var, sync_playwright() as playwright:
        environment = os.environ | {"POCHTAR_VAR": str(Path(var))}
        login, password = build(environment)
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox"]
        )
        with served(environment) as address:
            page = browser.new_page(viewport=SIZE, locale="ru-RU")  # type: ignore[arg-type]
            take(page, address, login, password)
        browser.close()


if __name__ == "__main__":
    main()
