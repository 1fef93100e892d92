"""
Synthetic projects (虚构项目): titles as a province has them, the same for the same number, of nobody in particular.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251  - the same projects each time
from typing import Final

from tradehall.desk.ports import Listing
from tradehall.kernel.case import write_instant

_FIRST: Final = datetime(2016, 1, 4, 1, 0, tzinfo=UTC)
_LAST_DAYS: Final = 3650
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_COUNTIES: Final = [a + b + c for a in "金武青龙双温郫新崇邛" for b in "牛侯羊泉流江" for c in "区县市"]
_TOWNS: Final = [a + b for a in "东西南北上下新老大小石清白黄红高平安和永" for b in "山河桥坝溪江湾沟店场岭坪关口"]
_WORKS: Final = (
    *("道路改造", "桥梁加固", "医院信息系统", "学校食堂", "污水处理厂", "供水管网", "老旧小区改造", "高标准农田建设"),
    *("河道治理", "公园景观", "消防设施", "校园网络", "数据中心", "垃圾清运", "路灯照明", "办公楼装修", "体育馆"),
    *("图书馆空调", "轨道交通", "公交场站", "智慧停车", "森林防火", "水库除险", "土地整治", "产业园厂房", "幼儿园"),
    *("保障性住房", "养老中心", "应急指挥平台", "地质灾害治理"),
)
_KINDS: Final = ("工程施工", "工程勘察设计", "监理服务", "设备采购", "服务采购", "施工总承包", "项目", "造价咨询")
_NUMBERS: Final = "一二三四五六七八九十"
_ENGLISH: Final = ("Metro", "Hospital", "Road", "Bridge", "Water", "School", "Park", "Power", "Bus", "Data")
_SECOND: Final = ("Phase", "Line", "Upgrade", "Supply", "Works", "Design", "Lot", "Renewal")
_STAGES: Final = ("award",) * 18 + ("tender", "evaluate", "failed", "cancelled")
_REGIMES: Final = ("tender_law",) * 3 + ("gov_procurement", "natural_resources")
_SECTORS: Final = tuple(f"A{n:02d}" for n in range(1, 13))
_REGIONS: Final = tuple(f"51{n:02d}{m:02d}" for n in range(1, 22) for m in (0, 4, 5, 6, 7, 12, 22))


def projects(count: int, seed: int = 7) -> Iterator[Listing]:
    """Yield so many projects, oldest first, spread evenly over ten years."""
    chance = Random(seed)  # noqa: S311  - the same projects each time
    between = timedelta(days=_LAST_DAYS) / count
    for number in range(count):
        yield _project(chance, number, _FIRST + between * number)


def _project(chance: Random, number: int, at: datetime) -> Listing:
    pick = chance.choice
    county, work, stage = pick(_COUNTIES), pick(_WORKS), pick(_STAGES)
    region, published = pick(_REGIONS), write_instant(at)
    found = Listing(
        case="t-" + "".join(chance.choices(_BASE32, k=26)),
        procedure="open_tender",
        title=f"{at.year}年{county}{pick(_TOWNS)}镇{work}{_part(chance)}{pick(_KINDS)}",
        code=f"E{region}{number:010d}",
        tenderer=f"{county}{work[:2]}建设投资有限公司",
        regime=pick(_REGIMES),
        region=region,
        sector=pick(_SECTORS),
        stage=stage,
        states="L1:contracted",
        deadline=write_instant(at + timedelta(days=25)),
        published_at=published,
    )
    if chance.random() < 0.15:  # noqa: PLR2004  - about one in seven is bilingual
        english = f"{pick(_ENGLISH)} {pick(_SECOND)} {chance.randrange(1, 400)} {pick(_SECOND)}"
        return replace(found, title=f"{english} ({county}{work})")
    return found


def _part(chance: Random) -> str:
    return f"{chance.choice(_NUMBERS)}期" if chance.random() < 0.5 else ""  # noqa: PLR2004  - every other one
