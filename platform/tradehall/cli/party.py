"""
``tradehall party`` 主体命令: the centre registers who takes part.
"""

from __future__ import annotations

import click

from tradehall.cli.remote import Access, Connect, connect, open_hall, remote_options
from tradehall.cli.words import Words, json_option, print_json, print_table
from tradehall_standards.strict import Json


def party_commands(connect: Connect = connect) -> click.Group:
    """Return the group ``party`` (主体命令组)."""
    group = click.Group("party", help="主体: register parties and their accounts (for the centre).")
    group.add_command(_add_command(connect))
    group.add_command(_list_command(connect))
    return group


def _add_command(connect: Connect) -> click.Command:
    @click.command("add")
    @click.argument("party", metavar="PARTY")
    @click.argument("name", metavar="NAME")
    @click.option(
        "--role",
        "roles",
        multiple=True,
        type=click.Choice(["expert", "guarantor", "supervisor", "officer", "centre"]),
        help="角色: registered role; may be repeated. Bidders and tenderers need none.",
    )
    @click.option("--account", help="账号: first account; its password is asked for, twice.")
    @click.option(
        "--fact", "facts", multiple=True, metavar="KEY=VALUE", help="要素: for experts stratum, city, employer."
    )
    @json_option
    @remote_options
    def command(
        party: str,
        name: str,
        roles: tuple[str, ...],
        account: str | None,
        facts: tuple[str, ...],
        *,
        as_json: bool,
        access: Access,
        words: Words,
    ) -> None:
        """
        登记主体: register PARTY under its NAME, with a first account where --account is given.

        PARTY is "org:" with the unified social credit code, "foreign:SCHEME:NUMBER", or "person:" with 16 letters.
        """
        body: dict[str, Json] = {"id": party, "name": name, "roles": list(roles)}
        pairs: dict[str, Json] = {key: value for key, _, value in (fact.partition("=") for fact in facts)}
        if pairs:
            body["facts"] = pairs
        hall = open_hall(access, connect, words, login=True)
        if account:
            prompt = words(f"为账号 {account} 设置口令", f"Choose a password for {account}")
            password = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
            body |= {"account": account, "password": str(password)}
        made = hall.client.post("/parties", body)
        if as_json:
            print_json(made)
        else:
            click.echo(party)

    return command


def _list_command(connect: Connect) -> click.Command:
    @click.command("list")
    @json_option
    @remote_options
    def command(*, as_json: bool, access: Access, words: Words) -> None:
        """主体清单: list the registered parties."""
        found = open_hall(access, connect, words, login=True).client.get("/parties")
        if as_json:
            print_json(found)
            return
        rows = [(str(p["id"]), str(p["name"]), ", ".join(p["roles"])) for p in found]
        print_table([words("主体", "party"), words("名称", "name"), words("角色", "roles")], rows)

    return command
