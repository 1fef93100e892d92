"""
Mounting the commands (命令装配): the composition root hands the tools in, this adds every group to the program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from tradehall.cli.bid import bid_commands
from tradehall.cli.bid_remote import add_remote_commands
from tradehall.cli.bidder import BidTools
from tradehall.cli.custodian import CustodianTools, custodian_commands
from tradehall.cli.doctor import Check, doctor_command
from tradehall.cli.guarantee import VerifyLetter, guarantee_commands
from tradehall.cli.log import log_commands
from tradehall.cli.node import node_commands
from tradehall.cli.ocds import import_commands, ocds_commands
from tradehall.cli.party import party_commands
from tradehall.cli.procedures import procedures_commands
from tradehall.cli.reference import Pages, reference_command
from tradehall.cli.remote import Connect, connect
from tradehall.cli.verify import verify_command
from tradehall.desk.standing import Standing
from tradehall.kernel.case import legal_date
from tradehall.kernel.procedure import Procedure
from tradehall_standards.commands import Journals, Printing, standards_commands


@dataclass(frozen=True, slots=True)
class CliTools:
    """
    What the commands need of the outer rooms (工具依赖).

    Attributes:
        bid: the bidder's tools.
        custodian: the custodian's tools.
        verify_letter: see :data:`tradehall.cli.guarantee.VerifyLetter`.
        procedures: by id.
        checks: makes what ``doctor`` checks; asked when it runs.
        standing: opens the node of the settings and checks its log.
        now: the machine's clock.
        connect: makes the client for the address of a hall.
        pages: the reference pages beside that of the command line.
        journals: opens the journal of a node for dry runs; None where there is none.
        printing: lays pages of the catalogue out as PDF; None where nothing does.
    """

    bid: BidTools
    custodian: CustodianTools
    verify_letter: VerifyLetter
    procedures: Mapping[str, Procedure]
    checks: Callable[[], Sequence[Check]]
    standing: Callable[[], Standing]
    now: Callable[[], datetime]
    connect: Connect = connect
    pages: Pages = dict
    journals: Journals | None = None
    printing: Printing | None = None


def add_commands(program: click.Group, tools: CliTools) -> None:
    """Add every group to the program; a command of the same name is replaced."""
    bid = bid_commands(tools.bid)
    add_remote_commands(bid, tools.bid, tools.connect)
    for command in (
        bid,
        custodian_commands(tools.custodian, tools.connect),
        verify_command(tools.connect),
        guarantee_commands(tools.verify_letter),
        standards_commands(lambda: legal_date(tools.now()), tools.journals, tools.printing),
        procedures_commands(tools.procedures),
        log_commands(tools.connect),
        party_commands(tools.connect),
        ocds_commands(tools.connect),
        import_commands(),
        node_commands(tools.standing),
        doctor_command(tools.checks),
        reference_command(tools.pages),
    ):
        program.add_command(command)
