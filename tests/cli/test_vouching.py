"""Whose signatures a node relies on 谁为标准目录作保: development keys do for a sandbox, never in production."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from cli.test_serving import environment
from officers.signing import establish, release
from tradehall.cli.doctor import Doubt, catalogue_check
from tradehall.main import Settings, load_catalogue
from tradehall_standards import CatalogueError
from tradehall_standards.release import read_releases, verify
from tradehall_standards.release.publishing import next_name
from tradehall_standards.sources import default_root

TODAY = date(2026, 11, 1)


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogue as it is here, all of it released, whatever is not yet published in the repository."""
    root = tmp_path / "schemas"
    shutil.copytree(default_root(), root)
    if verify(root).pending:
        release(root, next_name(root, TODAY), TODAY)
    monkeypatch.setattr("tradehall.main.default_root", lambda: root)
    monkeypatch.setattr("tradehall.cli.doctor.default_root", lambda: root)
    return root


@pytest.fixture
def city(schemas: Path, tmp_path: Path) -> Path:
    """The city's own officers, who adopted the newest release."""
    folder = tmp_path / "officers"
    establish(folder, purpose="standards", on=date(2026, 2, 1))
    release(schemas, read_releases(schemas)[-1].name, TODAY, officers=folder)
    return folder


def test_a_node_in_production_needs_officers(schemas: Path, city: Path) -> None:
    with pytest.raises(CatalogueError, match="only development keys vouch"):
        load_catalogue(Settings(production=True))
    served = load_catalogue(Settings(production=True, officers=str(city)))
    names = read_releases(schemas)[-1].contents["families"]
    assert isinstance(names, dict)
    assert set(served.families()) == set(names)


def test_development_keys_in_the_folder_of_a_city_are_refused(schemas: Path, tmp_path: Path) -> None:
    folder = tmp_path / "officers"
    establish(folder)
    release(schemas, read_releases(schemas)[-1].name, TODAY, officers=folder)
    with pytest.raises(CatalogueError, match="DEVELOPMENT"):
        load_catalogue(Settings(officers=str(folder)))


def test_the_doctor_tells_who_vouches(city: Path) -> None:
    with pytest.raises(Doubt, match="only development keys vouch"):
        catalogue_check().run()
    assert "files" in catalogue_check(city).run()
    shutil.rmtree(city / "releases")
    with pytest.raises(CatalogueError, match="NOTHING_SIGNED"):
        catalogue_check(city).run()


def test_serving_in_production_ends_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tradehall", "serve", "--port", "1"],
        env=environment(tmp_path, TRADEHALL_PRODUCTION="on"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "TRADEHALL_OFFICERS" in done.stderr
