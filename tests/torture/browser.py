"""
Browser 浏览器: every page, with hostile text in every field that a record, a form or an address can carry.

Chromium opens the pages of a real node over TLS: nothing may run, break the policy, or ask anybody else for anything.
A second site tries framing, cross-site posts, reads, streams and cookie tossing; hostile letters and reports are laid
out beside a canary file and a canary server.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import quote
from zipfile import ZipFile

import pikepdf
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from pdf.samples import AWARD, FACTS, OPENING, RECEIPT, REPORT
from played import PASSWORD
from portal.samples import SAMPLES
from portal.support import BROWSERS
from torture.harness import Part, Run, Said
from torture.hostile import PAYLOADS, Texts, in_print
from torture.hostile_world import (
    ANNOUNCED,
    CANARY,
    EVIL,
    HALL,
    SAMPLE_PATH,
    SIBLING,
    Site,
    World,
    make_certificate,
)
from tradehall.adapters.pdf import render as layout
from tradehall.adapters.pdf.render import Renderer, RenderFailed
from tradehall.adapters.pdf.report import (
    CaseFacts,
    render_award_notice,
    render_opening_record,
    render_receipt,
    render_report,
)
from tradehall.adapters.pdf.structure import inspect
from tradehall.demo import play as demo
from tradehall.web import access, security
from tradehall.web.api import records
from tradehall.web.portal import render

LANGS: Final = ("zh", "en")
STEPS: Final = (
    "Notice published",
    "clarification",
    "Bidders seal",
    "Opening: lot 1",
    "release their keys",
    "opening record signed",
    "recomputed",
    "pauses the award",
    "Contract filed",
)
"""Steps of the play after which its pages are looked at."""

LISTS: Final = ("/", "/notices", "/openings", "/standards", "/standards/tender_notice", "/verify", "/login", "/about")
ADDRESSES: Final = (
    "/notices?q={}",
    "/notices?stage={}&category={}&region={}&regime={}&cursor={}",
    "/standards?q={}",
    "/login?next={}",
    "/login?next=/{}",
    "/verify?letter={}",
    "/about?lang={}&size={}&{}={}",
    "/notices/{}",
    "/openings/{}",
    "/openings/{}/feed?after={}",
    "/standards/{}",
    "/standards/tender_notice/{}",
    "/static/portal/{}",
    "/{}",
    "/api/v1/cases/{}",
    "/api/v1/schemas/{}",
)
"""Addresses with room for hostile text."""

SHOWN: Final = "[...new Set(Array.from(document.documentElement.outerHTML.matchAll(/th\\((\\d+)\\)/g), (m) => +m[1]))]"
ASK: Final = """
async (path) => {
  const answer = await fetch(path, {cache: "no-store"});
  return {status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text()};
}
"""
CANARY_JS: Final = """
(() => {
  const report = (kind, what) => window.__report && window.__report(kind, String(what).slice(0, 300));
  window.th = (n) => report("ran", "th(" + n + ") on " + location.pathname);
  for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => report("ran", name);
  document.addEventListener("securitypolicyviolation", (e) =>
    report("policy", e.violatedDirective + " " + e.blockedURI + " " + e.sample + " on " + location.pathname));
})();
"""


@dataclass
class Faults:
    """What the browser saw that it must not see."""

    ran: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self) -> dict[str, list[str]]:
        """Return what was seen since the last time, by kind."""
        found = {k: list(getattr(self, k)) for k in ("ran", "policy", "outside", "errors") if getattr(self, k)}
        self.__init__()  # type: ignore[misc]
        return found


class Visitor:
    """A browser with a canary in every page."""

    def __init__(self, browser: Browser, world: World, run: Run) -> None:
        self.world, self.run, self.faults = world, run, Faults()
        self.context: BrowserContext = browser.new_context(
            ignore_https_errors=True, viewport={"width": 1280, "height": 900}
        )
        self.context.expose_binding("__report", lambda _source, kind, what: getattr(self.faults, kind).append(what))
        self.context.add_init_script(CANARY_JS)
        self.context.on("request", self._request)
        self.context.on("page", self._watch)
        self.page = self.context.new_page()
        self._side: Page | None = None

    def ask(self, path: str) -> dict[str, Any]:
        """Return status, headers and body of an address of the node, asked with the visitor's cookies."""
        if self._side is None:
            self._side = self.context.new_page()
            self._side.goto(self.world.origin + "/about", wait_until="domcontentloaded")
        return dict(self._side.evaluate(ASK, path))

    def sign_in(self, account: str, password: str) -> None:
        """Sign in through the form."""
        self.open("/login")
        self.page.fill("#username", account)
        self.page.fill("#password", password)
        self.page.locator("main form button[type=submit]").click()
        self.page.wait_for_load_state("domcontentloaded")

    def _watch(self, page: Page) -> None:
        page.on("dialog", lambda dialog: (self.faults.ran.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.faults.errors.append(str(error)))
        page.on("console", lambda message: self._said(message.text))
        page.set_default_timeout(15000)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.world.origin + "/"):
            self.faults.outside.append(request.url[:200])

    def _said(self, text: str) -> None:
        if re.search(r"Content Security Policy|Refused to|violates the following", text):
            self.faults.policy.append(text[:300])

    def open(self, path: str, lang: str = "zh") -> set[int]:
        """Open a page of the node in a language; returns the payloads that it shows."""
        address = f"{self.world.origin}{path}{'&' if '?' in path else '?'}lang={lang}"
        try:
            self.page.goto(address, wait_until="domcontentloaded")
        except Error as error:
            if "Download is starting" not in str(error) and "ERR_ABORTED" not in str(error):
                raise
            return set()
        self.run.count("pages opened")
        return set(self.page.evaluate(SHOWN))

    def check(self, where: str) -> None:
        """Say what was seen on the pages since the last check."""
        self.page.evaluate("0")  # lets events that are on their way arrive
        for kind, what in self.faults.take().items():
            self.run.breaks(f"{where}: {kind}: {what[:3]} ({len(what)} in all)")


# --- the pages ---------------------------------------------------------------------------------------------------


def visit_samples(visitor: Visitor, turns: int, *, single: bool = False) -> None:
    """Open every page in every state, in turns of both languages, with hostile text in every field of its model."""
    for name in SAMPLES:
        shown: set[int] = set()
        for turn in range(turns):
            shown |= visitor.open(f"{SAMPLE_PATH}{name}/{turn}{'?single=1' if single else ''}", LANGS[turn % 2])
        visitor.check(f"sample {name}")
        visitor.run.holds(len(shown) == PAYLOADS, f"sample {name} shows {len(shown)} of {PAYLOADS} payloads")
        visitor.run.count("page states × payloads", len(shown))


def play_and_visit(visitor: Visitor, bidders: int) -> tuple[Any, Any, dict[str, Any]]:
    """Play a tender by hostile actors and open its pages after each step; one hall stays open all the while."""
    world, shown = visitor.world, set[int]()
    live: list[Page] = []

    def watch(case: str, step: str) -> None:
        if not case or not any(s in step for s in STEPS):
            return
        if "Bidders seal" in step:
            live.append(visitor.context.new_page())
            live[0].goto(f"{world.origin}/openings/{case}?lang=zh")
        for lang in LANGS:
            for path in (f"/notices/{case}", f"/openings/{case}"):
                shown.update(visitor.open(path, lang))
        if live:
            live[0].wait_for_timeout(700)
        visitor.check(f"tender, {step[:40]}")

    play, who = world.play(bidders, watch)
    visitor.run.holds(len(shown) == PAYLOADS, f"the tender's pages show {len(shown)} payloads")
    entries = live[0].evaluate("document.querySelectorAll('[data-feed-list] li').length")
    visitor.run.holds(entries > bidders, f"the open hall has only {entries} lines")
    live[0].close()
    return play, who, play.facts


def visit_announced(visitor: Visitor, play: Any, who: Any, turns: range) -> list[str]:
    """Announce a tender for every turn of the payloads, and open its pages."""
    world, cases, shown = visitor.world, [], set[int]()
    play.advance(who, ANNOUNCED)
    for n in turns:
        case = world.announce(who, n)
        cases.append(case)
        shown |= visitor.open(f"/notices/{case}", LANGS[n % 2])
        shown |= visitor.open(f"/openings/{case}", LANGS[n // 2 % 2])
        visitor.check(f"announced tender, turn {n}")
        visitor.run.count("tenders announced")
    visitor.run.holds(len(shown) == PAYLOADS, f"announced tenders show {len(shown)} payloads")
    for path in (
        *LISTS,
        *(f"{p}{cases[-1]}" for p in ("/api/v1/cases/",)),
        "/notices.atom",
        "/notices.csv",
        "/openings.ics",
    ):
        for lang in LANGS:
            visitor.open(path, lang)
        visitor.run.count("lists and exports opened", 2)
    for row in _rows(world, cases[-1]):
        visitor.open(f"/api/v1/records/{row['digest']}")
    visitor.check("lists, exports and JSON")
    return cases


def _rows(world: World, case: str) -> list[dict[str, Any]]:
    return list(world.connect().get(f"/cases/{case}/records")["items"])


def visit_addresses(visitor: Visitor, *, single: bool) -> None:
    """Put the payloads into every part of an address that a visitor can choose."""
    texts = visitor.world.texts
    values = list(texts.all) if single else texts.blocks(0)
    for n, form in enumerate(ADDRESSES):
        for i, value in enumerate(values):
            chosen = value if single or "?" in form else texts.one(i * 8 + n % 8)
            visitor.open(form.replace("{}", quote(chosen, safe="")), LANGS[(n + i) % 2])
            visitor.run.count("hostile addresses")
        visitor.check(f"address {form}")


def fill_forms(visitor: Visitor, facts: dict[str, Any], *, single: bool) -> None:
    """Put the payloads into every field of every form, and hostile files into the check."""
    world, page = visitor.world, visitor.page
    values = list(world.texts.all) if single else world.texts.blocks(3)
    for n, value in enumerate(values):
        lang = LANGS[n % 2]
        visitor.open(f"/login?next={quote(value, safe='')}", lang)
        page.fill("#username", value[:80])
        page.fill("#password", value[:80])
        page.locator("main form button[type=submit]").click()
        visitor.open("/notices", lang)
        page.fill("input[name=q]", value[:80])
        page.locator("input[name=q]").press("Enter")
        page.wait_for_load_state("domcontentloaded")
        visitor.run.count("forms sent", 2)
        for text in (value, *_receipts(value)):
            _verify(visitor, lang, text=text)
    visitor.check("forms")
    for n, file in enumerate(_files(world, facts)):
        _verify(visitor, LANGS[n % 2], file=file)
        visitor.check(f"upload of {file.suffix}")


def visit_signed_in(visitor: Visitor, case: str) -> None:
    """Look at the pages of somebody whose own name is hostile, and fill the forms of the account."""
    visitor.sign_in("bidder1", demo.PASSWORD)
    for n, path in enumerate((*LISTS, "/account", f"/notices/{case}", f"/openings/{case}")):
        shown = visitor.open(path, LANGS[n % 2])
        visitor.run.holds(bool(shown), f"{path} does not name who is signed in")
    for n, value in enumerate(visitor.world.texts.blocks(5)):
        visitor.open("/account", LANGS[n % 2])
        form = visitor.page.locator("main form").nth(n % 2)
        for name in ("username", "password", *(["new"] if n % 2 == 0 else [])):
            form.locator(f"input[name={name}]").fill(value[:80])
        form.locator("button[type=submit]").click()
        visitor.page.wait_for_load_state("domcontentloaded")
        visitor.run.count("forms sent")
    visitor.check("signed in")
    visitor.context.clear_cookies()


def _receipts(text: str) -> Iterator[str]:
    """Yield what looks like a receipt, a refusal and a problem, hostile in every member."""
    content = dict.fromkeys(("node", "record", "case", "family", "accepted_at", "at", "code", "clause"), text)
    more: dict[str, Any] = {"reason": {"zh": text, "en": text}, "leaf": {"index": text}}
    yield json.dumps({"receipt": content | more, "signature": text})
    yield json.dumps({"refusal": content | more | {"node": "node:chengdu"}, "signature": text})


def _verify(visitor: Visitor, lang: str, *, text: str = "", file: Path | None = None) -> None:
    visitor.open("/verify", lang)
    if file:
        visitor.page.set_input_files("input[type=file]", file)
    else:
        visitor.page.fill("#text", text)
    visitor.page.locator("main form button[type=submit]").click()
    visitor.page.wait_for_load_state("domcontentloaded")
    visitor.run.count("forms sent")


def _files(world: World, facts: dict[str, Any]) -> list[Path]:
    """Return hostile files under hostile names: JSON, a letter with hostile parties, evidence with hostile members."""
    made: list[Path] = []
    folder = world.folder / "files"
    folder.mkdir(exist_ok=True)

    def name(n: int, suffix: str) -> Path:
        return folder / f"{n} {world.texts.one(n).replace('/', '∕')[:150]}{suffix}"

    for n, text in enumerate(next(_receipts(b)) for b in world.texts.blocks(1)):
        made.append(name(n, ".json"))
        made[-1].write_text(text, "utf-8")
    letters = [Path(path) for path, _ in facts["letter_files"].values()]
    for n, letter in enumerate(letters[:3]):
        made.append(name(n + 20, ".pdf"))
        # Signed by the sandbox guarantor, so that its hostile names are shown; one changed after signing.
        made[-1].write_bytes(letter.read_bytes() + (b"" if n else b"%th(1)"))
    made.append(name(30, ".zip"))
    with ZipFile(facts["evidence"]) as source, ZipFile(made[-1], "w") as target:
        for n, item in enumerate(source.namelist()):
            data = source.read(item)
            if item.endswith(".json") and n % 2:
                hostile = json.dumps(world.texts.one(n), ensure_ascii=False).encode()
                data = re.sub(rb'"(t-[a-z2-7]{26}|node:[a-z]+)"', lambda _, text=hostile: text, data)
            target.writestr(item, data)
        target.writestr(world.texts.one(26), b"x")
    return made


def download_uploads(visitor: Visitor, cases: list[str]) -> None:
    """Open uploaded SVG and HTML files: they come as downloads that nothing sniffs."""
    for case in cases[:3]:
        for row in _rows(visitor.world, case):
            for file in row["envelope"]["attachments"]:
                _download(visitor, f"/api/v1/vault/{file['sha256']}?record={row['digest']}")


def _download(visitor: Visitor, path: str) -> None:
    answer = visitor.ask(path)
    sent = answer["headers"]
    good = (
        answer["status"] == 200
        and sent.get("content-disposition", "").startswith("attachment")
        and sent.get("x-content-type-options") == "nosniff"
        and sent.get("content-type", "").startswith("application/octet-stream")
    )
    visitor.run.holds(good, f"upload {path}: {answer['status']} {sent}")
    with suppress(Error), visitor.page.expect_download(timeout=5000):
        visitor.open(path)
    visitor.check(f"upload {path[:40]}")
    visitor.run.count("uploads opened")


# --- another site ------------------------------------------------------------------------------------------------

ATTACKS: Final = """<!doctype html><meta charset=utf-8><title>evil</title><body>
<iframe id=frame src="HALL/login"></iframe>
<script>
const seen = {}, hall = "HALL", json = JSON.stringify({label: "stolen"});
const note = (name, value) => { seen[name] = value; };
async function attack() {
  const post = (path, type, body, more) => fetch(hall + path, {method: "POST", mode: "no-cors", credentials: "include",
    headers: {"Content-Type": type}, body, ...more}).catch(() => {});
  for (const path of ["/logout", "/login", "/verify", "/api/v1/tokens", "/api/v1/sessions"]) {
    await post(path, "application/x-www-form-urlencoded", "csrf=&username=x&password=x&text=x");
    await post(path, "text/plain", json);
    await post(path, "application/json", json, {mode: "cors"});
  }
  await fetch(hall + "/api/v1/sessions/current", {method: "DELETE", credentials: "include"}).catch(() => {});
  for (const path of ["/api/v1/sessions/current", "/api/v1/inbox", "/login"]) {
    await fetch(hall + path, {credentials: "include"}).then((r) => r.text())
      .then((t) => note("read " + path, t.slice(0, 80))).catch(() => {});
  }
  for (const [tag, path] of [["img", "/static/portal/mark.svg"], ["script", "/static/portal/app.js"]]) {
    await new Promise((done) => {
      const e = document.createElement(tag);
      e.onload = () => { note("embedded " + path, true); done(); };
      e.onerror = done;
      e.src = hall + path;
      document.body.append(e);
    });
  }
  await new Promise((done) => {
    const source = new EventSource(hall + "FEED", {withCredentials: true});
    for (const kind of ["open", "entry", "message"]) source.addEventListener(kind, () => { note("stream", kind); });
    source.onerror = () => { source.close(); done(); };
    setTimeout(() => { source.close(); done(); }, 1500);
  });
  for (const path of ["/", "FEED", "/api/v1/sessions/current"]) {
    await new Promise((done) => {
      const socket = new WebSocket(hall.replace("https", "wss") + path);
      socket.onopen = () => { note("socket " + path, true); done(); };
      socket.onerror = done;
    });
  }
  return seen;
}
</script>"""

FORM: Final = """<!doctype html><form method=post action="HALL/logout"><input name=csrf value=""></form>
<script>document.forms[0].submit()</script>"""


ATTEMPTS: Final = 27
"""Posts, reads, embeddings, streams, sockets, frames and forms of one attack."""


class Attacker:
    """Another site that a signed-in visitor opens in the same browser: one far away, and one under the same domain."""

    def __init__(self, visitor: Visitor, site: Site, feed: str) -> None:
        self.visitor, self.site = visitor, site
        hall = visitor.world.origin
        site.show("/attack", ATTACKS.replace("HALL", hall).replace("FEED", feed))
        site.show("/form", FORM.replace("HALL", hall))
        toss = ("th", "__Host-th", "lang", "size")
        lines = "".join(
            f"document.cookie = '{n}=' + location.hash.slice(1) + '; domain={HALL}; path={p}; secure';"
            for n in toss
            for p in ("/", "/login", "/api")
        )
        site.show(
            "/toss",
            f"<!doctype html><script>{lines}</script>",
            *(f"{n}=tossed; Domain={HALL}; Secure; Path=/" for n in toss),
        )

    def who(self) -> str:
        """Return whom the node takes the visitor for."""
        answer = self.visitor.ask("/api/v1/sessions/current")
        return str(json.loads(answer["body"])["party"]) if answer["status"] == 200 else ""

    def tokens(self) -> int:
        answer = self.visitor.ask("/api/v1/tokens")
        return len(json.loads(answer["body"])) if answer["status"] == 200 else -1

    def attack(self, host: str) -> list[str]:
        """Attack from a host; returns what the attacker gained."""
        page, gained = self.visitor.page, list[str]()
        before = (self.who(), self.tokens())
        page.goto(f"https://{host}:{self.site.port}/attack")
        seen = page.evaluate("attack()")
        gained += [f"{name}: {value}" for name, value in seen.items()]
        framed = [f for f in page.frames[1:] if f.url.startswith(self.visitor.world.origin)]
        with suppress(Error):
            gained += ["framed" for f in framed if f.evaluate("!!document.querySelector('main')")]
        page.goto(f"https://{host}:{self.site.port}/form")
        page.wait_for_load_state("domcontentloaded")
        after = (self.who(), self.tokens())
        if before != after:
            gained.append(f"session and tokens {before} became {after}")
        self.visitor.run.count("attacks from another site", ATTEMPTS)
        return gained

    def toss(self, own: str) -> list[str]:
        """Plant cookies from a neighbouring host: one's own session id, and rubbish."""
        page, before = self.visitor.page, self.who()
        page.goto(f"https://{SIBLING}:{self.site.port}/toss#{own}")
        page.wait_for_load_state("domcontentloaded")
        after = self.who()
        self.visitor.run.count("cookies tossed", 16)
        return [f"{before} became {after}"] if after not in ("", before) or (before and not after) else []


def another_site(visitor: Visitor, site: Site, case: str) -> None:
    """Attack a signed-in visitor from another site and from a neighbouring host."""
    attacker = Attacker(visitor, site, f"/openings/{case}/feed")
    own = _own_session(visitor.world)
    visitor.sign_in("operator", PASSWORD)
    visitor.run.holds(attacker.who() != "", "signing in through the form does not work")
    for host in (EVIL, SIBLING):
        for gain in attacker.attack(host):
            visitor.run.breaks(f"from {host}: {gain}")
    for gain in attacker.toss(own):
        visitor.run.breaks(f"cookie tossing: {gain}")
    visitor.context.clear_cookies()
    attacker.toss(own)  # before signing in: the planted session must not become the visitor's
    visitor.sign_in("operator", PASSWORD)
    cookies = [c["value"] for c in visitor.context.cookies(visitor.world.origin) if c["name"] == "__Host-th"]
    visitor.run.holds(len(cookies) == 1 and cookies[0] != own, f"after tossing and signing in: {len(cookies)} sessions")
    visitor.context.clear_cookies()
    visitor.faults.take()


def _own_session(world: World) -> str:
    """Return the id of a session of the attacker's own."""
    answer = world.connect().call("POST", "/sessions", json={"name": "bidder1", "password": demo.PASSWORD})
    return str(answer.cookies.get("__Host-th") or "")


# --- printed documents -------------------------------------------------------------------------------------------


@dataclass
class Bait:
    """A file and a server that no document may touch."""

    file: Path
    site: Site
    secret: str

    def texts(self) -> Texts:
        """Return the payloads, pointed at this file and server."""
        texts = Texts(f"http://127.0.0.1:{self.site.port}")
        texts.all = tuple(t.replace("file:///etc/hostname", self.file.as_uri()) for t in texts.all)
        return texts

    def touched(self, pdf: bytes) -> list[str]:
        """Return what of the bait is in a document, and who asked the server."""
        found = [f"asked for {a}" for a in self.site.asked]
        self.site.asked.clear()
        with pikepdf.open(BytesIO(pdf)) as document:
            streams = [item.read_bytes() for item in document.objects if isinstance(item, pikepdf.Stream)]
        found += ["the secret file is inside"] * sum(self.secret.encode() in data for data in streams)
        look = inspect(pdf)
        if self.secret in look.text:
            found.append("the secret is on a page")
        if look.active:
            found.append(f"active content: {look.active}")
        return found


def print_documents(run: Run, bait: Bait, renderer: Renderer, turns: int) -> None:
    """Lay out every kind of document with hostile text in every free field."""
    texts, numbers = bait.texts(), iter(range(10**9))
    for turn in range(turns):

        def put(turn: int = turn) -> str:
            return texts.one(next(numbers) + turn)

        facts = CaseFacts(**in_print({k: getattr(FACTS, k) for k in FACTS.__dataclass_fields__}, put))
        made: dict[str, Callable[[], bytes]] = {
            "opening record": lambda f=facts, p=put: render_opening_record(renderer, in_print(OPENING, p), f),
            "award notice": lambda f=facts, p=put: render_award_notice(renderer, in_print(AWARD, p), f),
            "receipt": lambda f=facts, p=put: render_receipt(renderer, in_print(RECEIPT, p), f),
            "report": lambda f=facts, p=put: render_report(renderer, in_print(REPORT, p), f),
        }
        for name, make in made.items():
            try:
                found = bait.touched(make())
            except RenderFailed as failed:
                found = [str(failed)]
            for what in found:
                run.breaks(f"{name}, turn {turn}: {what}")
            run.count("documents laid out")


def check_letters(run: Run, bait: Bait, facts: dict[str, Any]) -> None:
    """Look into every letter that the guarantor of the play issued in hostile names."""
    for path, payload in facts["letter_files"].values():
        pdf = Path(path).read_bytes()
        look = inspect(pdf)
        run.holds(not look.active, f"letter {path}: active content {look.active}")
        name = "".join(payload["applicant"]["name"].split())
        run.holds(name in "".join(look.text.split()), f"letter {path} does not print {name}")
        run.count("letters laid out and signed")


# --- controls ----------------------------------------------------------------------------------------------------


@contextmanager
def changed_pages(*, autoescape: bool = True, planted: str = "") -> Iterator[None]:
    """Render pages by an environment with a defence off, or with a line planted at the end of every page."""
    made = render._environment.__wrapped__

    def mutant(lang: Any) -> Any:
        environment = made(lang)
        environment.autoescape = autoescape
        if planted:
            source = (render.TEMPLATE_DIRECTORY / "_layout.html").read_text("utf-8")
            layer = DictLoader({"_layout.html": source.replace("</body>", planted + "</body>")})
            environment.loader = ChoiceLoader([layer, environment.loader])
        return environment

    cached = {lang: mutant(lang) for lang in LANGS}
    with patch.object(render, "_environment", lambda lang: cached[lang]):
        yield


@contextmanager
def changed_headers(*gone: str, **other: str) -> Iterator[None]:
    """Send answers without some headers."""
    kept = {k: v for k, v in security.HEADERS.items() if k not in gone} | other
    access._encoded_headers.cache_clear()
    with patch.object(security, "HEADERS", kept):
        yield
    access._encoded_headers.cache_clear()


POLICY: Final = "content-security-policy"


def controls(visitor: Visitor, site: Site, canary: Site, case: str, svg: str) -> None:
    """Switch each defence off and see that the same checks notice."""
    pages = (f"/notices/{case}", f"{SAMPLE_PATH}case-before/0")

    def caught(name: str, kinds: tuple[str, ...], *mutants: Any, paths: tuple[str, ...] = pages) -> None:
        visitor.faults.take()
        with ExitStack() as stack:
            for mutant in mutants:
                stack.enter_context(mutant)
            for path in paths:
                visitor.open(path)
            visitor.page.wait_for_timeout(250)
            seen = visitor.faults.take()
        how = "; ".join(f"{k} {len(seen.get(k, []))}: {seen.get(k, ['-'])[0][:80]}" for k in kinds)
        visitor.run.control(name, caught=all(seen.get(k) for k in kinds), how=how)

    caught("autoescape off", ("policy",), changed_pages(autoescape=False))
    caught("autoescape and policy off", ("ran", "outside"), changed_pages(autoescape=False), changed_headers(POLICY))
    inline = "<script>th(0)</script>"
    caught("policy off, inline script in a template", ("ran",), changed_pages(planted=inline), changed_headers(POLICY))
    image = f'<img src="https://{CANARY}:{canary.port}/i.png" alt="">'
    caught("outside image in a template", ("policy",), changed_pages(planted=image))
    canary.asked.clear()
    caught("policy off, outside image", ("outside",), changed_pages(planted=image), changed_headers(POLICY))
    visitor.run.control("the canary server hears", caught=bool(canary.asked), how=str(canary.asked[:1]))
    canary.asked.clear()
    _control_upload(visitor, svg)
    _control_site(visitor, site, case)


def _control_upload(visitor: Visitor, path: str) -> None:
    """Serve an uploaded page as a page."""
    stream = records.Stream

    def shown(content: Any, **more: Any) -> Any:
        headers = {k: v for k, v in more["headers"].items() if k != "Content-Disposition"}
        return stream(content, media_type="text/html", headers=headers)

    before = visitor.run.broken_count, list(visitor.run.broken)
    visitor.faults.take()
    with patch.object(records, "Stream", shown), changed_headers(POLICY):
        visitor.open(path)
        visitor.page.wait_for_timeout(200)
        seen = visitor.faults.take()
        headers = visitor.ask(path)["headers"]
    visitor.run.broken_count, visitor.run.broken[:] = before
    bad = not headers.get("content-disposition", "").startswith("attachment")
    visitor.run.control("uploads shown as pages", caught=bad and "ran" in seen, how=f"ran {seen.get('ran')}")


def _control_site(visitor: Visitor, site: Site, case: str) -> None:
    """Let other sites frame, post and plant cookies."""
    attacker = Attacker(visitor, site, f"/openings/{case}/feed")

    def gained(name: str, *mutants: Any, act: Callable[[], list[str]], word: str) -> None:
        visitor.context.clear_cookies()
        with ExitStack() as stack:
            for mutant in mutants:
                stack.enter_context(mutant)
            visitor.sign_in("operator", PASSWORD)
            found = act()
        visitor.context.clear_cookies()
        visitor.run.control(name, caught=any(word in f for f in found), how="; ".join(found) or "nothing gained")

    loose = security.POLICY.replace("frame-ancestors 'none'; ", "")
    gained(
        "framing allowed",
        changed_headers("x-frame-options", "cross-origin-resource-policy", **{POLICY: loose}),
        act=lambda: attacker.attack(SIBLING),
        word="framed",
    )
    gained(
        "neither site nor token checked",
        patch.object(access, "is_cross_site", lambda _headers: False),
        patch("tradehall.web.pages.handlers._check_token", lambda *_: None),
        act=lambda: attacker.attack(SIBLING),
        word="session and tokens",
    )
    with (
        patch.object(access, "session_cookie", lambda _scheme: "th"),
        patch("tradehall.web.api.accounts.session_cookie", lambda _scheme: "th"),
    ):
        own = str(
            visitor.world.connect()
            .call("POST", "/sessions", json={"name": "bidder1", "password": demo.PASSWORD})
            .cookies.get("th")
        )
        gained(
            "a session cookie that a neighbour can plant",
            patch.object(access, "only_cookie", _last_cookie),
            act=lambda: attacker.toss(own),
            word="became",
        )
    visitor.faults.take()


def _last_cookie(headers: Any, name: str) -> str | None:
    """A common way to read cookies: the last of a name wins."""
    pairs = [pair.strip().partition("=") for header in headers for pair in header.split(";")]
    return next((value for key, _, value in reversed(pairs) if key == name), None)


def control_layout(run: Run, bait: Bait) -> None:
    """Lay a hostile page out with WeasyPrint's own fetcher, and then with ours: the one lock holds without the other."""
    from weasyprint.urls import URLFetcher

    secret = f'<link rel=attachment href="{bait.file.as_uri()}"><img src="http://127.0.0.1:{bait.site.port}/i.png">'
    page = f"<!doctype html><html lang=zh><title>x</title><body>{secret}<p>x"
    with patch.object(layout, "_fetcher", lambda: URLFetcher(fail_on_errors=False)):
        machine = layout.Layout()
        document = layout._library("weasyprint").HTML(string=page, url_fetcher=machine._fetcher)
        found = bait.touched(document.write_pdf())
    run.control("WeasyPrint's own fetcher", caught=len(found) >= 2, how="; ".join(found))
    bait.site.asked.clear()
    try:
        layout.Layout().make_page(page, None)
        run.breaks("a page that wants a file is laid out")
    except Exception as refused:
        run.count("unescaped documents refused by the fetcher")
        run.holds(not bait.site.asked, f"{bait.site.asked} although the layout failed with {refused!r}")


# --- the part ----------------------------------------------------------------------------------------------------


def torture(run: Run) -> None:
    certificate = make_certificate(run.folder)
    canary, evil, listener = Site(certificate), Site(certificate), Site()
    texts = Texts(f"//{CANARY}:{canary.port}")
    world = World(run.folder, texts, certificate)
    rules = f"MAP {HALL} 127.0.0.1, MAP *.{HALL} 127.0.0.1, MAP {EVIL} 127.0.0.1, MAP {CANARY} 127.0.0.1"
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    secret = run.folder / "canary.txt"
    secret.write_text("CANARY-FILE-9c1d", "utf-8")
    bait = Bait(secret, listener, "CANARY-FILE-9c1d")
    renderer = Renderer()
    try:
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={rules}"]
            browser = playwright.chromium.launch(executable_path=found, args=arguments)
            visitor = Visitor(browser, world, run)
            _browse(run, visitor, evil, canary, bait)
            browser.close()
        print_documents(run, bait, renderer, run.of(2, 40))
        control_layout(run, bait)
        run.holds(not listener.asked, f"the listener was asked: {listener.asked[:5]}")
    finally:
        renderer.close()
        world.stop()
        for site in (canary, evil, listener):
            site.stop()


def _browse(run: Run, visitor: Visitor, evil: Site, canary: Site, bait: Bait) -> None:
    world, bidders = visitor.world, run.of(8, PAYLOADS)
    with world.hostile_people(bidders):
        run.say("a tender among hostile people")
        play, who, facts = play_and_visit(visitor, bidders)
        check_letters(run, bait, facts)
        run.say("more tenders announced, until every field has carried every payload")
        cases = visit_announced(visitor, play, who, range(PAYLOADS // 2))
    run.say("every state of every page")
    visit_samples(visitor, 5)
    while run.long and run.left() > 120:
        visit_samples(visitor, PAYLOADS, single=True)
    run.say("addresses, forms, uploads")
    visit_addresses(visitor, single=run.long)
    fill_forms(visitor, facts, single=run.long)
    visit_signed_in(visitor, cases[-1])
    download_uploads(visitor, cases)
    run.holds(not canary.asked, f"the canary was asked: {canary.asked[:5]}")
    run.say("another site")
    another_site(visitor, evil, cases[-1])
    run.say("controls")
    row = next(r for r in _rows(world, cases[0]) if r["envelope"]["attachments"])
    html = row["envelope"]["attachments"][1]["sha256"]
    controls(visitor, evil, canary, cases[0], f"/api/v1/vault/{html}?record={row['digest']}")


PART: Final = Part(
    name="browser",
    title=Said("浏览器", "Browser"),
    promise=Said(
        "任何文本在页面和文书里都只是文本：不执行、不越出策略、不请求外部；其他网站不能借登录者之手行事",
        "Any text stays text on pages and documents: nothing runs, breaks the policy or is fetched from outside; no other "
        "site acts by the hand of somebody who is signed in",
    ),
    cases=(26, 27, 31),
    run=torture,
    short=75,
    weight=1,
)
