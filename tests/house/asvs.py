"""
``docs/security/asvs.md`` 安全要求对照表, written from ``docs/security/asvs.json``: one row a requirement, in our own few words.

    PYTHONPATH=tests python -m house.asvs
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "security"
DATA, PAGE = FOLDER / "asvs.json", FOLDER / "asvs.md"
SOURCE = "https://github.com/OWASP/ASVS/tree/v5.0.0"
VERDICTS = {"pass": "通过 pass", "not_applicable": "不适用 n/a", "fail": "未通过 **fail**"}
CHAPTERS = (
    "编码与注入 Encoding and injection",
    "校验与业务逻辑 Validation and business logic",
    "网页前端 Web front end",
    "接口 API",
    "文件 Files",
    "身份认证 Authentication",
    "会话 Sessions",
    "授权 Authorisation",
    "自含令牌 Self-contained tokens",
    "OAuth 与 OIDC",
    "密码技术 Cryptography",
    "安全通信 Communication",
    "配置 Configuration",
    "数据保护 Data protection",
    "编码与架构 Coding and architecture",
    "日志与错误 Logging and errors",
    "WebRTC",
)


def read() -> list[dict[str, Any]]:
    return list(json.loads(DATA.read_text("utf-8")))


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the page."""
    levels = {level: Counter(r["verdict"] for r in rows if r["level"] == level) for level in (1, 2)}
    lines = [
        "# OWASP ASVS 5.0 Level 1 and 2 安全要求对照表",
        "",
        "<!-- Made by `python -m house.asvs` from asvs.json; a test fails when it is outdated. -->",
        "",
        f"Our own reading of the {len(rows)} requirements of [OWASP ASVS 5.0.0]({SOURCE}) (CC BY-SA 4.0), each paraphrased in a few words; look up the",
        "full text by its number. Nobody outside has checked this. *Pass* names the tests or files that show it; *fail* and *not applicable* say why.",
        "[handbook.md](handbook.md) holds what the standard wants documented.",
        "",
        "| | 通过 pass | 不适用 n/a | 未通过 fail | |",
        "| --- | --: | --: | --: | --: |",
    ]
    for level, found in levels.items():
        lines.append(f"| L{level} | {' | '.join(str(found[v]) for v in VERDICTS)} | {found.total()} |")
    lines += ["", "## 未通过 Not met", ""]
    lines += [f"- **{r['id']}** (L{r['level']}) {r['zh']} {r['en']}：{_why(r)}" for r in rows if r["verdict"] == "fail"]
    for number, title in enumerate(CHAPTERS, 1):
        lines += [
            "",
            f"## V{number} {title}",
            "",
            "| | L | 要求 requirement | | 依据 shown by, or why |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(r) for r in rows if r["id"].startswith(f"V{number}.")]
    return "\n".join(lines) + "\n"


def _row(r: Mapping[str, Any]) -> str:
    shown = "<br>".join(_link(e) for e in r["shown"]) if r["verdict"] == "pass" else _why(r)
    return f"| {r['id']} | {r['level']} | {r['zh']}<br>{r['en']} | {VERDICTS[r['verdict']]} | {shown} |"


def _why(r: Mapping[str, Any]) -> str:
    return f"{r['why']['zh']} {r['why']['en']}"


def _link(evidence: str) -> str:
    path, _, name = evidence.partition("::")
    told = name.removeprefix("test_").replace("_", " ") if name else path.rpartition("/")[2]
    return f"[{told}](../../{path})"


if __name__ == "__main__":
    PAGE.write_text(page(read()), "utf-8")
