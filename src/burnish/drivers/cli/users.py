"""`burnish users`: accounts of reviewers."""

from typing import Annotated, Literal

import typer

from burnish.drivers.cli.session import AsJson, Group, Session

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Accounts of reviewers.")

EMPTY = "No accounts. `burnish users add NAME` makes one."
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin instead of asking for it.")
]


@app.command("list")
def list_users(context: typer.Context, as_json: AsJson = False) -> None:
    """List accounts with their roles and queues."""
    from burnish.drivers.cli.output import Column, listing

    def fetch() -> list[object]:
        with Session.of(context).store() as store:
            return list(store.users.list())

    listing(
        as_json,
        fetch,
        dump=lambda user: user.model_dump(mode="json", exclude={"stamp"}),
        key=lambda user: user.name,
        columns=[Column("name", flexible=True), Column("role"), Column("password"), Column("queues", flexible=True)],
        row=lambda user, _: [
            user.name,
            user.role.value,
            "yes" if user.has_password else "none",
            "all" if user.queues is None else ", ".join(user.queues) or "none",
        ],
        empty=EMPTY,
    )


@app.command("add")
def add_user(
    context: typer.Context,
    name: Name,
    role: Annotated[
        Literal["reviewer", "expert", "admin"], typer.Option("--role", help="What they may do.")
    ] = "reviewer",
    queues: Annotated[
        list[str] | None, typer.Option("--queue", metavar="QUEUE", help="Only these queues; repeatable.")
    ] = None,
    all_queues: Annotated[bool, typer.Option("--all-queues", help="Every queue, where it was some only.")] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For people whom a proxy in front of the pages vouches for.")
    ] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Make an account, or change the role of one that is there, and its queues where they are named."""
    from burnish.adapters.store import Store
    from burnish.domain.annotation.people import Role
    from burnish.drivers.cli.output import advise

    session = Session.of(context)
    allowed = tuple(queues) if queues else None
    if queues:
        _tell_unknown(session, queues)
    with Store.open(session.settings.store_url) as store:
        found = store.users.find(name)
        if found is not None:
            user = store.users.set_access(name, Role(role), allowed if queues or all_queues else found.queues)
            advise(f"{user.name} is {user.role.value} now; sessions of this account have ended.")
            return
        password = None if no_password else _password(password_stdin)
        user = store.users.add(name, Role(role), password, allowed)
        admins = [one for one in store.users.list() if one.role is Role.ADMIN]
    advise(f"{user.name} is {user.role.value}.")
    if not admins:
        advise("Nobody is an admin, so nobody manages accounts on the pages: burnish users add NAME --role admin")


def _tell_unknown(session: Session, queues: list[str]) -> None:
    """A queue may be written down after the account; a misspelt one would leave somebody without work."""
    from burnish.domain.annotation.specs import load_queues
    from burnish.drivers.cli.output import advise

    known = {queue.name for queue in load_queues(session.settings.project)}
    for name in queues:
        if name not in known:
            advise(f"config/queues.yaml has no queue {name}; there are: {', '.join(sorted(known)) or 'none'}")


@app.command("remove")
def remove_user(
    context: typer.Context,
    name: Name,
    last_admin: Annotated[bool, typer.Option("--last-admin", help="Also where nobody else is an admin.")] = False,
) -> None:
    """Remove an account; what the person said stays."""
    from burnish.drivers.cli.output import advise

    with Session.of(context).store() as store:
        store.users.remove(name, last_admin=last_admin)
        left = store.users.exist()
    advise(f"{name} is removed.")
    if not left:
        advise("No account is left: the pages are open to whoever reaches them.")


@app.command("password")
def change_password(context: typer.Context, name: Name, password_stdin: FromStdin = False) -> None:
    """Change the password of an account."""
    from burnish.drivers.cli.output import advise

    with Session.of(context).store() as store:
        store.users.get(name)
        store.users.set_password(name, _password(password_stdin))
    advise(f"The password of {name} is changed; sessions of this account have ended.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        import sys

        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
