"""Files lie under their content's hash in their shop's folder, whole or not at all, and nowhere else."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from tenancy.errors import DamagedFile, UnknownFile
from tenancy.files import Files


def written(folder: Path) -> list[Path]:
    """Every file under `folder`."""
    return [path for path in folder.rglob("*") if path.is_file()]


MIB = 1024 * 1024


async def test_what_was_put_comes_back_by_its_hash(files: Files) -> None:
    tenant = uuid4()
    digest = await files.put(tenant, b"model", "model/gltf-binary")
    assert digest == hashlib.sha256(b"model").hexdigest()
    assert await files.get(tenant, digest) == b"model"


async def test_another_shop_does_not_have_it(files: Files) -> None:
    digest = await files.put(uuid4(), b"model", "model/gltf-binary")
    with pytest.raises(UnknownFile):
        await files.get(uuid4(), digest)


async def test_what_a_shop_has_staged_is_its_own_and_goes_with_it(files: Files) -> None:
    one, other = uuid4(), uuid4()
    digest = await files.stage(one, b"model")
    with pytest.raises(UnknownFile):
        await files.staged(other, digest)
    await files.stage(other, b"model")
    await files.unstage(other, digest)
    assert await files.staged(one, digest) == b"model"
    assert await files.remove_shop(one) == 1
    with pytest.raises(UnknownFile):
        await files.staged(one, digest)


@pytest.mark.parametrize(
    "digest", ["", "../../secret", "a" * 63, "A" * 64, "a" * 64 + "\n", "/etc/passwd", "%2e%2e%2f", "a" * 65, "é" * 64]
)
async def test_only_a_hash_is_a_name(files: Files, digest: str) -> None:
    with pytest.raises(UnknownFile):
        await files.get(uuid4(), digest)
    with pytest.raises(UnknownFile):
        await files.remove(uuid4(), digest)


async def test_only_a_uuid_is_a_shop(files: Files) -> None:
    with pytest.raises(TypeError):
        await files.put("../b", b"x", "image/png")  # type: ignore[arg-type]


async def test_the_same_content_is_written_once(files: Files, tmp_path: Path) -> None:
    tenant = uuid4()
    await files.put(tenant, b"model", "model/gltf-binary")
    (path,) = written(tmp_path)
    before = path.stat()
    await asyncio.gather(*(files.put(tenant, b"model", "model/gltf-binary") for _ in range(8)))
    assert written(tmp_path) == [path]
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


async def test_many_writers_of_one_new_file_leave_it_whole(files: Files, tmp_path: Path) -> None:
    tenant, content = uuid4(), bytes(range(256)) * 4096
    digests = await asyncio.gather(*(files.put(tenant, content, "image/png") for _ in range(8)))
    assert len(set(digests)) == 1
    assert await files.get(tenant, digests[0]) == content
    assert len(written(tmp_path)) == 1


async def test_a_file_that_changed_on_disk_is_not_served(files: Files, tmp_path: Path) -> None:
    tenant = uuid4()
    digest = await files.put(tenant, b"model", "model/gltf-binary")
    (path,) = written(tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(DamagedFile):
        await files.get(tenant, digest)


async def test_a_removed_file_is_gone_and_removing_it_again_is_harmless(files: Files) -> None:
    tenant = uuid4()
    digest = await files.put(tenant, b"model", "model/gltf-binary")
    await files.remove(tenant, digest)
    await files.remove(tenant, digest)
    with pytest.raises(UnknownFile):
        await files.get(tenant, digest)


def test_the_local_folder_is_closed_to_other_users(files: Files, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700


async def test_a_folder_with_a_space_in_its_name_is_the_one_that_is_used(tmp_path: Path) -> None:
    files = Files.open((tmp_path / "our files").as_uri())
    await files.put(uuid4(), b"x", "image/png")
    assert (tmp_path / "our files" / "shops").is_dir()


async def test_a_store_that_is_not_a_folder_works_alike() -> None:
    files = Files.open("memory:///")
    tenant = uuid4()
    digest = await files.put(tenant, b"x" * MIB, "image/png")
    assert await files.put(tenant, b"x" * MIB, "image/png") == digest
    assert await files.get(tenant, digest) == b"x" * MIB
    await files.remove(tenant, digest)
    with pytest.raises(UnknownFile):
        await files.get(tenant, digest)
