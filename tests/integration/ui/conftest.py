"""One Chromium for all tests of pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.programs.browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
