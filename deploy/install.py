"""Sets up what a machine lacks to run Vitrine or to test it: `python3.11 deploy/install.py run|test|system`.

Needs only the standard library. Every step leaves its mark inside the thing it made (that of the Python
packages lies in `.venv`, that of the browser code in its build), so deleting the thing is enough to have it
made again, and a step whose inputs have not changed costs a few milliseconds and no network.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
VENV = ROOT / ".venv"
CLIENT = ROOT / "web" / "client"
WORDS = ROOT / "web" / "words"
BUILT = ROOT / "web" / "static" / "app"
MODELS = ROOT / "models"
GLTF_CHECKS = ROOT / "tests" / "gltf"
GARMENTS_NEED = ("body_arrays.py", "charts.py", "export.py", "gltf.py", "section.py", "measure.py", "suit.py")
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "dist", "coverage"}


class SetupError(Exception):
    """A step cannot go on; the message says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Takes the steps of one purpose. Returns 0, or 1 with one clear message when a step cannot go on."""
    parser = argparse.ArgumentParser(description="Set up what is missing.")
    parser.add_argument("purpose", choices=("run", "test", "system"), help="system: Debian's packages alone")
    try:
        set_up(parser.parse_args(arguments).purpose)
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


def set_up(purpose: str) -> None:
    if sys.version_info[:2] != (3, 11):
        raise SetupError(f"this is Python {sys.version.split()[0]}, and Vitrine needs 3.11: make PYTHON=python3.11")
    lists = {"system": [], "run": ["debian-build.txt"], "test": ["debian-build.txt", "debian-test.txt"]}
    install_debian_packages(["debian.txt", *lists[purpose]])
    if purpose == "system":
        return
    make_virtual_environment()
    install_python_packages("requirements.txt")
    if purpose == "test":
        install_python_packages("requirements-dev.txt")
    steps = [assemble_models, build_browser_code, build_bodies]
    if purpose == "test":
        steps.append(install_gltf_checks)
    with ThreadPoolExecutor() as pool:
        for step in [pool.submit(step) for step in steps]:
            step.result()


# --- Debian's packages --------------------------------------------------------------------------------------


def install_debian_packages(lists: list[str]) -> None:
    """Installs the listed packages that are missing, or stops with the line to run where that takes root."""
    wanted = [line for name in lists for line in read_lines(DEPLOY / name)]
    if not shutil.which("dpkg-query"):
        report_unknown_system(wanted)
        return
    if not can_make_venv():
        wanted.append("python3.11-venv")
    missing = [name for name in wanted if name not in installed_debian_packages(wanted)]
    if not missing:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    become = privileged_prefix()
    if become is None:
        line = f"sudo sh -c {shlex.quote('apt-get update && ' + shlex.join(install))}"
        raise SetupError(f"installing Debian packages takes root. Run this, then try again:\n\n  {line}\n")
    say(f"Debian packages: {' '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*become, "apt-get", "update", "--quiet"], env=quiet)
    run([*become, *(["env", "DEBIAN_FRONTEND=noninteractive"] if become else []), *install], env=quiet)


def installed_debian_packages(names: list[str]) -> set[str]:
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *names],
        capture_output=True,
        text=True,
        check=False,  # it exits 1 as soon as one of the names is unknown
    )
    pairs = (line.split() for line in answer.stdout.splitlines())
    return {pair[0] for pair in pairs if pair[-1] == "installed"}


def privileged_prefix() -> list[str] | None:
    """What goes before a command that needs root: nothing as root, sudo if it asks no password, or None."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if shutil.which("sudo") and succeeds(["sudo", "-n", "true"]) else None


def report_unknown_system(wanted: list[str]) -> None:
    """Which packages are equivalent elsewhere is for a person to know: they are named once, no more."""
    if not VENV.exists():
        say(f"no Debian here, so its counterparts of these are taken to be there: {' '.join(wanted)}")


# --- Python -------------------------------------------------------------------------------------------------


def can_make_venv() -> bool:
    """Debian ships Python without ensurepip unless python3-venv is installed."""
    return VENV.exists() or succeeds([sys.executable, "-c", "import ensurepip"])


def make_virtual_environment() -> None:
    if (VENV / "bin" / "pip").exists():
        return
    say("virtual environment")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def install_python_packages(pins: str) -> None:
    digest = digest_of([DEPLOY / "requirements.txt", DEPLOY / pins])
    mark = VENV / f"{pins}.installed"
    if is_marked(mark, digest):
        return
    say(f"Python packages of deploy/{pins}")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", "-r", str(DEPLOY / pins)])
    mark.write_text(digest)


# --- Models and browser code --------------------------------------------------------------------------------


def assemble_models() -> None:
    digest = digest_of(files_under(ROOT / "ops" / "models"))
    mark = MODELS / ".assembled"
    if is_marked(mark, digest):
        return
    say("model bundles")
    run([str(VENV / "bin" / "python"), "-m", "ops.models"])
    mark.write_text(digest)


def build_bodies() -> None:
    """The body model, and the garments that are modelled on it."""
    build_body_model()
    made = [*files_under(ROOT / "avatar" / "garments"), *(ROOT / "avatar" / name for name in GARMENTS_NEED)]
    digest = digest_of([*made, MODELS / ".body-built"])
    mark = MODELS / ".garments-made"
    if is_marked(mark, digest):
        return
    say("garments of the demo catalogue")
    run([str(VENV / "bin" / "python"), "-m", "avatar.garments"])
    mark.write_text(digest)


def build_body_model() -> None:
    digest = digest_of(files_under(ROOT / "avatar" / "anny"))
    mark = MODELS / ".body-built"
    if is_marked(mark, digest):
        return
    say("body model")
    run([str(VENV / "bin" / "python"), "-m", "avatar.anny"])
    mark.write_text(digest)


def install_gltf_checks() -> None:
    """The Khronos validator and a second meshopt decoder, which tests hold our GLB files against."""
    install_npm_packages(GLTF_CHECKS, "glTF checks")


def install_npm_packages(folder: Path, what: str) -> None:
    locked = digest_of([folder / "package.json", folder / "package-lock.json"])
    installed = folder / "node_modules" / ".vitrine-installed"
    if not is_marked(installed, locked):
        say(what)
        npm = str(VENV / "bin" / "npm")
        run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, env=path_with_node())
        installed.write_text(locked)


def path_with_node() -> dict[str, str]:
    """The environment in which npm and what it runs find the installation's own Node."""
    return {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def build_browser_code() -> None:
    if not (CLIENT / "package.json").exists():
        return
    install_npm_packages(CLIENT, "browser packages")
    npm, path = str(VENV / "bin" / "npm"), path_with_node()
    sources = digest_of([*files_under(CLIENT, besides={"tests"}), *files_under(WORDS)])
    built = BUILT / ".vitrine-built"
    if not is_marked(built, sources):
        say("browser code")
        run([npm, "run", "--silent", "build"], cwd=CLIENT, env=path)
        built.write_text(sources)


# --- What the steps share -----------------------------------------------------------------------------------


def files_under(folder: Path, besides: Iterable[str] = ()) -> Iterator[Path]:
    """Every source file below `folder`, in a stable order; generated folders are left out."""
    skipped = SKIPPED_FOLDERS.union(besides)
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in skipped)
        yield from (Path(parent) / name for name in sorted(files) if not name.endswith((".md", ".pyc")))


def digest_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_marked(mark: Path, digest: str) -> bool:
    return mark.exists() and mark.read_text() == digest


def read_lines(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def say(what: str) -> None:
    print(f"Setting up: {what}", flush=True)


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, env=env, check=True, stdin=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise SetupError(f"`{shlex.join(command)}` ended with {error.returncode}.") from None
    except KeyboardInterrupt:
        raise SetupError("interrupted.") from None


if __name__ == "__main__":
    sys.exit(main())
