"""Files in an S3-compatible store, which is a server process of its own that is spoken to over HTTP."""

from __future__ import annotations

import asyncio
import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import aiohttp
import obstore
import pytest
from obstore.store import S3Store

from tenancy.errors import DamagedFile, UnknownFile
from tenancy.files import FOR_EVER, Files
from tests.aws_server import aws_server

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The server's address; it holds the bucket `vitrine`."""
    with aws_server() as url:
        bucket = urllib.request.Request(f"{url}/vitrine", method="PUT")  # noqa: S310  our own server
        urllib.request.urlopen(bucket, timeout=20).close()  # noqa: S310
        yield url


@pytest.fixture
def files(s3: str, monkeypatch: pytest.MonkeyPatch) -> Files:
    """As an operator sets it up: STORAGE_URL and the usual AWS variables."""
    for name, value in (
        ("AWS_ENDPOINT", s3),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    return Files.open("s3://vitrine/installation")


async def test_a_file_comes_back_and_only_to_its_shop(files: Files) -> None:
    ours, content = uuid4(), bytes(range(256)) * 5000
    digest = await files.put(ours, content, "model/gltf-binary")
    assert await files.get(ours, digest) == content
    with pytest.raises(UnknownFile):
        await files.get(uuid4(), digest)
    await files.remove(ours, digest)
    await files.remove(ours, digest)
    with pytest.raises(UnknownFile):
        await files.get(ours, digest)


async def test_it_lies_under_the_prefix_and_says_that_it_never_changes(files: Files) -> None:
    shop = uuid4()
    digest = await files.put(shop, b"picture", "image/png")
    bucket = S3Store("vitrine", config={})
    result = await obstore.get_async(bucket, f"installation/shops/{shop}/{digest[:2]}/{digest}")
    assert result.attributes["Cache-Control"] == FOR_EVER
    assert result.attributes["Content-Type"] == "image/png"


async def test_many_writers_of_one_file_leave_it_whole(files: Files) -> None:
    shop, content = uuid4(), b"x" * 300_000
    digests = await asyncio.gather(*(files.put(shop, content, "image/png") for _ in range(6)))
    assert len(set(digests)) == 1
    assert await files.get(shop, digests[0]) == content


async def test_what_somebody_changed_in_the_bucket_is_not_served(files: Files) -> None:
    shop = uuid4()
    digest = await files.put(shop, b"model", "model/gltf-binary")
    bucket = S3Store("vitrine", config={})
    await obstore.put_async(bucket, f"installation/shops/{shop}/{digest[:2]}/{digest}", b"other")
    with pytest.raises(DamagedFile):
        await files.get(shop, digest)


async def test_what_is_staged_is_no_file_and_goes(files: Files) -> None:
    shop = uuid4()
    digest = await files.stage(shop, b"model")
    assert await files.staged(shop, digest) == b"model"
    with pytest.raises(UnknownFile):
        await files.get(shop, digest)
    await files.unstage(shop, digest)
    await files.unstage(shop, digest)
    with pytest.raises(UnknownFile):
        await files.staged(shop, digest)


async def test_a_large_file_is_lent_by_an_address_that_ends(files: Files) -> None:
    shop, content = uuid4(), bytes(range(256)) * 80_000  # 20 MB: more than one part
    first = await files.lend(shop, io.BytesIO(b"old"), name="shop.zip", lasting=timedelta(minutes=1))
    address = await files.lend(shop, io.BytesIO(content), name="shop.zip", lasting=timedelta(minutes=15))
    assert address and first
    assert "X-Amz-Expires=900" in address
    assert "X-Amz-Signature=" in address
    async with aiohttp.ClientSession() as client:
        async with client.get(address, headers={"Range": f"bytes={len(content) - 100}-"}) as response:
            assert response.status == 206, "a download that broke off goes on"
            assert await response.read() == content[-100:]
        async with client.get(address) as response:
            assert await response.read() == content
            assert response.headers["Content-Disposition"] == 'attachment; filename="shop.zip"'
        async with client.get(first) as response:
            assert response.status == 404, "what was lent before is gone"


async def test_a_folder_lends_nothing(tmp_path) -> None:
    local = Files.open((tmp_path / "files").as_uri())
    assert await local.lend(uuid4(), io.BytesIO(b"x"), name="shop.zip", lasting=timedelta(minutes=1)) is None
