"""
Mutual recognition (互认): whether what one city sends is accepted by another, family by family, as a computed report.

Every answer is ``proved``, ``refuted`` with a record or a number that shows it, or ``unknown`` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

from tradehall_standards.catalogue import Version
from tradehall_standards.compat import Comparer
from tradehall_standards.profiles.overlay import STRICTER, Narrowed, Number, Profile, accepted
from tradehall_standards.strict import Json

Outcome = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Recognition:
    """
    One line of the report (互认结论).

    Attributes:
        subject: family and version, or id of a number of the law.
        outcome: whether everything that the sender accepts of it the receiver accepts.
        message_zh: one sentence.
        message_en: the same in English.
        witness: a record, or a number, that the sender accepts and the receiver refuses.
    """

    subject: str
    outcome: Outcome
    message_zh: str
    message_en: str
    witness: Json = None

    def to_json(self) -> dict[str, Json]:
        """Return it as data."""
        return {
            "subject": self.subject,
            "outcome": self.outcome,
            "message": {"zh": self.message_zh, "en": self.message_en},
            "witness": self.witness,
        }


def recognise(sender: Profile, receiver: Profile, comparer: Comparer) -> tuple[Recognition, ...]:
    """
    Tell whether what ``sender`` sends ``receiver`` accepts (互认判定).

    Families and numbers that neither narrows are the same in both and not listed.
    """
    families = sorted(sender.families.keys() | receiver.families.keys())
    lines = [_family(sender.families.get(name), receiver.families.get(name), comparer) for name in families]
    return (*lines, *_numbers(sender, receiver))


def _family(sent: Narrowed | None, wanted: Narrowed | None, comparer: Comparer) -> Recognition:
    if wanted is None:
        base = sent.base if sent is not None else None
        return _proved(base.id if base is not None else "", "对方无收窄", "the receiver asks for nothing more")
    base = wanted.base
    if sent is not None and sent.base.id != base.id:
        zh, en = "双方收窄的版本不同", "they narrow different versions"
        return Recognition(base.id, "unknown", zh, en)
    on, schema = base.in_force_from, sent.schema if sent is not None else base.bundle
    samples = _samples(sent, wanted, base)
    shown = next(
        (sample for sample in samples if _is_sent(sent, base, sample, on) and not wanted.accepts(sample, on)), None
    )
    if shown is not None:
        return _refuted(base.id, shown)
    verdict = accepted(schema, wanted.schema, samples, comparer)
    if verdict.witness is not None:
        return _judged(base, sent, cast("Json", verdict.witness.document), on)
    if verdict.outcome != "proved":
        return Recognition(base.id, "unknown", verdict.message_zh, verdict.message_en)
    return _rules_left(sent, wanted)


def _rules_left(sent: Narrowed | None, wanted: Narrowed) -> Recognition:
    """Return what the receiver's own rules leave of a proof: those that the sender has word for word are kept."""
    base = wanted.base
    known = {rule.expression for rule in (sent.rules if sent is not None else ())}
    more = [rule.id for rule in wanted.rules if rule.severity == "block" and rule.expression not in known]
    if more:
        names = ", ".join(more)
        zh, en = (
            f"结构已证明，对方另有规则 {names}，未能证明",
            f"the schema is proved; the receiver's rules {names} are not",
        )
        return Recognition(base.id, "unknown", zh, en)
    return _proved(base.id, "已证明全部被接受", "proved: everything sent is accepted")


def _judged(base: Version, sent: Narrowed | None, witness: Json, on: date) -> Recognition:
    """Return what a witness of the schemas shows: only what the sender's rules let pass is ever sent."""
    if _is_sent(sent, base, witness, on):
        return _refuted(base.id, witness)
    zh = "结构上有反例，但发送方的规则不允许它，未能判定"
    en = "the schemas have a counter-example, which the sender's rules refuse: not decided"
    return Recognition(base.id, "unknown", zh, en, witness)


def _samples(sent: Narrowed | None, wanted: Narrowed, base: Version) -> list[Json]:
    own = sent.examples if sent is not None else ()
    return [*own, *base.valid_examples.values(), *wanted.examples]


def _is_sent(sent: Narrowed | None, base: Version, payload: Json, on: date) -> bool:
    return (sent or Narrowed(base, base.bundle, (), ())).accepts(payload, on)


def _proved(subject: str, zh: str, en: str) -> Recognition:
    return Recognition(subject, "proved", zh, en)


def _refuted(subject: str, witness: Json) -> Recognition:
    zh, en = "发送方有效、对方拒绝，见反例", "valid for the sender and refused by the receiver: see the witness"
    return Recognition(subject, "refuted", zh, en, witness)


def _numbers(sender: Profile, receiver: Profile) -> Iterator[Recognition]:
    """Yield a line for each number that the receiver has made stricter than the law."""
    for name, wanted in sorted(receiver.numbers.items()):
        sent = sender.numbers.get(name)
        least = sent.value if sent is not None else wanted.rule.number
        if (least - wanted.value) * STRICTER[wanted.rule.op] >= 0:
            yield _proved(name, "发送方的要求不低于对方", "the sender asks for at least as much")
        else:
            yield _number_refuted(name, wanted, str(least))


def _number_refuted(name: str, wanted: Number, shown: str) -> Recognition:
    rule = wanted.rule
    zh = f"“{rule.zh}”：发送方允许 {shown}，对方要求 {rule.op} {wanted.value}（{rule.unit}）"
    en = f"{rule.en}: the sender allows {shown}, the receiver wants {rule.op} {wanted.value} {rule.unit}"
    return Recognition(name, "refuted", zh, en, shown)
