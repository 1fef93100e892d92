"""One warm renderer and one issued letter, made once for all tests of printed documents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pdf.authority import AT, BANK, Authority, issue
from tradehall.adapters.issuers.sandbox import SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.tsa import InProcessTimeStamper, TimeAuthority


@pytest.fixture(scope="session")
def ca():
    return Authority.root("Test root")


@pytest.fixture(scope="session")
def other_ca():
    return Authority.root("Some other root")


@pytest.fixture(scope="session")
def renderer():
    renderer = Renderer()
    yield renderer
    renderer.close()


@pytest.fixture(scope="session")
def timestamper(ca):
    authority = ca.certify("node:tsa", "Sandbox TSA", stamps=True)
    return InProcessTimeStamper(TimeAuthority(authority.key, authority.certificate, lambda: AT))


@pytest.fixture(scope="session")
def bank(ca):
    return ca.certify(BANK["id"], BANK["name"])


@pytest.fixture(scope="session")
def issuer(renderer, bank):
    return SandboxIssuer(BANK, bank, renderer, "https://hall.example/verify/")


@pytest.fixture(scope="session")
def letter(issuer):
    """A B-B letter and its register entry."""
    return issue(issuer)


@pytest.fixture(scope="session")
def stamped_letter(issuer, timestamper):
    """A B-T letter and its register entry."""
    return issue(replace(issuer, timestamper=timestamper))
