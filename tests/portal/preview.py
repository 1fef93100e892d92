"""
Look at the pages: writes every sample as HTML, serves it on this machine and takes pictures.

    python tests/portal/preview.py FOLDER [name …]      pictures (and PDF) into FOLDER
    python tests/portal/preview.py --extract            bring the message catalogues up to date with the templates
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / part) for part in ("platform", "tests")]

from portal.samples import NOW, SAMPLES, USER  # noqa: E402
from portal.support import browse, serve, update_catalogues  # noqa: E402

WIDTHS = (1440, 390)


def pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with serve() as base, browse() as browser:
        for name in names or SAMPLES:
            for lang in ("zh", "en"):
                for width in WIDTHS:
                    page = browser.new_page(viewport={"width": width, "height": 900})
                    page.clock.install(time=NOW)  # else the shown offset of this device would be months
                    page.goto(f"{base}/sample/{name}?lang={lang}&user={USER.name}")
                    page.screenshot(path=folder / f"{name}-{lang}-{width}.png", full_page=True)
                    if width == WIDTHS[0]:
                        page.pdf(path=folder / f"{name}-{lang}.pdf", prefer_css_page_size=True)
                    page.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["--extract"]:
        update_catalogues()
    else:
        pictures(Path(sys.argv[1]), sys.argv[2:])
