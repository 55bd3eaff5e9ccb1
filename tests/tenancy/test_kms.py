"""Photo keys wrapped by AWS KMS, which is a server process of its own that is spoken to over HTTP."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from structlog.testing import capture_logs

from ops.settings import InvalidSettings, load_settings
from tenancy import kms
from tenancy.database import Database
from tenancy.errors import PhotoKeyLost, Unavailable
from tenancy.files import Files
from tenancy.kms import AwsKms
from tenancy.photo_keys import LocalKeys
from tests.aws_server import aws_server
from tests.tenancy.avatar_people import FRONT, House
from wiring.fitting_room import key_service

pytestmark = pytest.mark.timeout(180)
ALIAS = "alias/vitrine-photos"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with aws_server() as url:
        yield url


@pytest.fixture
def aws(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """As an operator sets it up; returns the server's address."""
    for name, value in (
        ("AWS_ENDPOINT_URL_KMS", server),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def key(aws: str) -> Iterator[str]:
    """A key of the service, under the alias; the id by which the service knows it."""
    client = boto3.client("kms", endpoint_url=aws)
    made: str = client.create_key()["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName=ALIAS, TargetKeyId=made)
    yield made
    client.delete_alias(AliasName=ALIAS)


async def test_what_is_wrapped_opens_in_its_own_place_alone(key: str) -> None:
    service, secret = AwsKms(ALIAS), secrets.token_bytes(32)
    used, wrapped = await service.wrap(secret, b"shop/photo")
    assert key in used
    assert secret not in wrapped
    assert await service.unwrap(used, wrapped, b"shop/photo") == secret
    with pytest.raises(PhotoKeyLost):
        await service.unwrap(used, wrapped, b"other/photo")
    with pytest.raises(PhotoKeyLost):
        await service.unwrap(used, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"shop/photo")


async def test_a_key_that_the_service_does_not_know_opens_nothing_and_wraps_nothing(key: str) -> None:
    service = AwsKms(ALIAS)
    used, wrapped = await service.wrap(bytes(32), b"place")
    with pytest.raises(PhotoKeyLost):
        await service.unwrap(used.replace(key, str(uuid4())), wrapped, b"place")
    with pytest.raises(Unavailable):
        await AwsKms("alias/nobody-made-this").wrap(bytes(32), b"place")


async def test_a_service_that_does_not_answer_is_away_and_the_log_says_so(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{probe.getsockname()[1]}")
        monkeypatch.setattr(kms, "TRIES", 1)
        service = AwsKms(ALIAS)
        with capture_logs() as logs, pytest.raises(Unavailable) as told:
            await service.wrap(bytes(32), b"place")
    assert str(told.value) == "", "shoppers are told what all are told"
    assert [(entry["event"], entry["code"]) for entry in logs] == [("key-service-failed", "EndpointConnectionError")]


async def test_a_photo_lies_sealed_under_it_and_is_gone_with_its_key(
    key: str, database: Database, files: Files, tmp_path: Path
) -> None:
    house = House(database, files, tmp_path, keys=AwsKms(ALIAS))
    visit = await house.visit()
    avatar = await house.ask(visit)
    assert await house.photos.open(visit.tenant_id, avatar.id) == {"front": FRONT}
    async with database.tenant(visit.tenant_id) as connection:
        await house.photos.destroy(connection, visit.tenant_id, avatar.id, "asked-for")
    with pytest.raises(PhotoKeyLost):
        await house.photos.open(visit.tenant_id, avatar.id)


def test_the_setting_chooses_it(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_DATA", str(tmp_path))
    assert isinstance(key_service(load_settings()), LocalKeys)
    monkeypatch.setenv("VITRINE_KEY_SERVICE", f"aws-kms:{ALIAS}")
    assert isinstance(key_service(load_settings()), AwsKms)
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(InvalidSettings, match="region"):
        key_service(load_settings())
    monkeypatch.setenv("VITRINE_KEY_SERVICE", "vault:key")
    with pytest.raises(InvalidSettings, match="VITRINE_KEY_SERVICE"):
        load_settings()
