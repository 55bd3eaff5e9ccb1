"""Everything on one machine: embedded services where no others are named, the tables, media processes, the web.

The parts are roles of the same command line (`server.py prepare`, `media`, `web`), so that a machine of
its own for each part runs what this runs side by side.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ops.embedded import EmbeddedPostgres, EmbeddedValkey
from ops.listener import bound_socket
from ops.place import exclusive
from ops.settings import Settings, nvidia_devices, variable
from ops.supervisor import Program, Supervisor, notify_ready, runtime_folder
from ops.telemetry import clear_measurements, forget_process

Addresses = dict[str, str]  # setting -> URL, as the environment names them
_MIGRATED_WITHIN_S = 1800.0  # a large installation has much to rewrite


def run_machine(
    settings: Settings, command: tuple[str, ...], *, app_dsn: Callable[[str], str], first_page: str
) -> None:
    """Starts everything, says where it is, and returns when told to stop and all is stopped.

    command: what a role's name is appended to. app_dsn: from the address of the tables' owner to that of the
    application. Raises CannotListen, EmbeddedError, ProgramFailed.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(bound_socket(settings.host, settings.port))
        runtime = runtime_folder(settings.data)
        stack.enter_context(exclusive(runtime, "Vitrine"))
        clear_measurements(runtime / "metrics")
        addresses = stack.enter_context(_services(settings, app_dsn))
        url = settings.public_url or f"http://localhost:{listener.getsockname()[1]}"
        says = f"Vitrine is ready: {url.rstrip('/')}{first_page}   (Ctrl-C stops it)"
        machine = _Machine(settings, command, runtime, listener, addresses)
        asyncio.run(machine.run(says))


class _Machine:
    def __init__(
        self,
        settings: Settings,
        command: tuple[str, ...],
        runtime: Path,
        listener: socket.socket,
        addresses: Addresses,
    ) -> None:
        self._settings = settings
        self._command = command
        self._runtime = runtime
        self._listener = listener
        told = {**_told(settings), **addresses}
        # Only an operator's own DATABASE_APP_URL tells the migrations to leave that role's password alone.
        self._owner = {name: value for name, value in told.items() if name != "DATABASE_APP_URL"}
        self._serving = {**told, "DATABASE_URL": ""}  # who serves shoppers has no owner's rights
        self._supervisor = Supervisor(runtime, stop_s=settings.stop_seconds, ended=forget_process)

    async def run(self, says: str) -> None:
        async def bring_up() -> None:
            first, *others = (self._media(index) for index in range(self._settings.media_processes))
            await self._start(first)
            print(says, flush=True)
            notify_ready()
            # A shopper can be served by now. The web, which lets new ones in, is still the first to be stopped.
            await self._supervisor.start(*others, outlasting=True)
            # Only now: nobody waits for an avatar yet, and the first shopper's mirror needs the cores.
            await self._supervisor.start(*(self._avatar(index) for index in range(self._settings.avatar_workers)))

        await self._supervisor.run_until_told_to_stop(bring_up)

    async def _start(self, media: Program) -> None:
        prepare = Program("prepare", (*self._command, "prepare"), self._owner, ready_within_s=_MIGRATED_WITHIN_S)
        prepared = await self._supervisor.begin(prepare)
        # Of what is started side by side the last is stopped first: then nobody new comes in.
        await asyncio.gather(
            self._supervisor.start(media),
            self._supervisor.start(self._web()),
            prepared,
        )

    def _media(self, index: int) -> Program:
        name = f"media-{index}"
        address = f"unix:{self._runtime / name}.sock"
        return Program(name, (*self._command, "media", "--name", name, "--listen", address), self._serving)

    def _avatar(self, index: int) -> Program:
        device = f"cuda:{index}" if index < nvidia_devices() else "cpu"
        return Program(f"avatar-{index}", (*self._command, "avatar", "--device", device), self._serving)

    def _web(self) -> Program:
        descriptor = self._listener.fileno()
        command = (*self._command, "web", "--descriptor", str(descriptor))
        return Program("web", command, self._serving, (descriptor,))


@contextmanager
def _services(settings: Settings, app_dsn: Callable[[str], str]) -> Iterator[Addresses]:
    """PostgreSQL and Valkey, embedded where no address is given."""
    with ExitStack() as stack:
        if settings.database_url is None:
            postgres = stack.enter_context(EmbeddedPostgres(settings.data))
            addresses = {"DATABASE_URL": postgres.dsn_owner, "DATABASE_APP_URL": postgres.dsn_app}
        elif settings.database_app_url is None:
            addresses = {"DATABASE_APP_URL": app_dsn(settings.database_url.get_secret_value())}
        else:
            addresses = {}
        if settings.redis_url is None:
            addresses["REDIS_URL"] = stack.enter_context(EmbeddedValkey(settings.data)).url
        yield addresses


def _told(settings: Settings) -> dict[str, str]:
    """What was derived from the absence of an address here must not be derived otherwise in a child process."""
    return {
        variable("data"): str(settings.data),
        variable("models"): str(settings.models),
        variable("demo"): str(settings.demo).lower(),
        variable("show_mail"): str(settings.show_mail).lower(),
        variable("allow_private_candidates"): str(settings.allow_private_candidates).lower(),
    }
