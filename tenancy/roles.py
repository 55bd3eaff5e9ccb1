"""The database roles: the owner makes the tables, the application uses them and is neither owner nor superuser.

`vitrine_app` is what every connection of the application logs in as. `vitrine_system` cannot log in; the
application steps into it for the few reads across shops (`Database.system`), and it may read a few columns.
Both are made by the migrations, on a real server as on the embedded one (docs/decisions/0002-database-roles.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from tenancy.errors import RolesMissing, UnsafeRole

APP, SYSTEM = "vitrine_app", "vitrine_system"
_SCRAM_ROUNDS = 4096  # PostgreSQL's own; the password is 256 bits, which no number of rounds improves

_BY_HAND = (
    f"CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD '…'; "
    f"CREATE ROLE {SYSTEM} NOLOGIN NOSUPERUSER NOBYPASSRLS; GRANT {SYSTEM} TO {APP};"
)


def app_dsn(owner_dsn: str) -> str:
    """The address at which the application reaches the owner's database: the same, as `vitrine_app`.

    Its password is derived from the owner's, so that one DATABASE_URL is enough on any number of machines and
    there is nothing further to keep. Without a password (trust, a socket) there is none.
    """
    parts = urlsplit(owner_dsn)
    hosts = parts.netloc.rpartition("@")[2]
    password = app_password(owner_dsn)
    user = APP if password is None else f"{APP}:{quote(password, safe='')}"
    rest = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in ("user", "password")]
    query = urlencode(rest, safe="/", quote_via=quote)
    return urlunsplit((parts.scheme, f"{user}@{hosts}", parts.path, query, ""))


def app_password(owner_dsn: str) -> str | None:
    """The application's password, None if the owner has none in `owner_dsn`."""
    parts = urlsplit(owner_dsn)
    given = unquote(parts.password) if parts.password else dict(parse_qsl(parts.query)).get("password")
    if not given:
        return None
    derived = hmac.digest(given.encode(), b"vitrine: password of the application role", "sha256")
    return base64.urlsafe_b64encode(derived).decode().rstrip("=")


async def ensure_roles(owner: asyncpg.Connection, owner_dsn: str, *, keep_app_password: bool) -> None:
    """Make the roles that are missing, as the owner. Raises RolesMissing, with the statements to run, if it may
    not."""
    there = {
        row["rolname"]
        for row in await owner.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", [APP, SYSTEM])
    }
    password = None if keep_app_password else app_password(owner_dsn)
    try:
        if APP not in there:
            await owner.execute("CREATE ROLE vitrine_app LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT")
        if SYSTEM not in there:
            await owner.execute("CREATE ROLE vitrine_system NOLOGIN NOSUPERUSER NOBYPASSRLS")
        if not await owner.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", APP, SYSTEM):
            await owner.execute("GRANT vitrine_system TO vitrine_app")
        if password is not None:
            # A verifier, so that the password itself is in no statement log.
            statement = await owner.fetchval(
                "SELECT format('ALTER ROLE vitrine_app PASSWORD %L', $1::text)", scram_verifier(password)
            )
            await owner.execute(statement)
        await owner.execute(
            await owner.fetchval("SELECT format('GRANT CONNECT ON DATABASE %I TO vitrine_app', current_database())")
        )
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesMissing(
            f"the role in DATABASE_URL may not make the application's roles ({error}); as a superuser run: {_BY_HAND} "
            f"and give DATABASE_APP_URL"
        ) from error


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores of an ASCII password (RFC 5803, `SCRAM-SHA-256$…`)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{shown[0]}${shown[1]}:{shown[2]}"


async def refuse_unsafe_role(connection: asyncpg.Connection) -> None:
    """Raise UnsafeRole if row-level security would not hold for the role of `connection`."""
    role = await connection.fetchrow(
        """
        SELECT rolname, rolsuper, rolbypassrls,
               EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
                         AND relkind IN ('r', 'p', 'v', 'm') AND pg_has_role(session_user, relowner, 'MEMBER'))
               OR pg_has_role(session_user, datdba, 'MEMBER') AS owns
          FROM pg_roles, pg_database
         WHERE rolname = session_user AND datname = current_database()
        """
    )
    faults = {"rolsuper": "is a superuser", "rolbypassrls": "bypasses row-level security", "owns": "owns the tables"}
    for fault, says in faults.items():
        if role is None or role[fault]:
            raise UnsafeRole(
                f"the application may not connect as {role['rolname'] if role else 'an unknown role'}, which {says}: "
                f"give DATABASE_APP_URL for the role {APP}"
            )
