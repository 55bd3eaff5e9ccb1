"""Settings come from the environment, are held against their page, and give no secret away."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ops.settings import InvalidSettings, Settings, load_settings, table, variable

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


def test_the_page_shows_the_table_of_the_class() -> None:
    shown = PAGE.read_text().split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert shown == table()


def test_every_field_has_a_unit_and_one_line() -> None:
    for field, info in Settings.model_fields.items():
        assert isinstance(info.json_schema_extra, dict)
        assert info.json_schema_extra["unit"], field
        assert info.description, field
        assert info.description.endswith("."), field


def test_nothing_set_is_one_machine_with_everything_embedded() -> None:
    settings = load_settings()
    assert (settings.port, settings.session_minutes, settings.ice_servers) == (8080, 30, ())
    assert settings.database_url is None
    assert settings.demo
    assert settings.allow_private_candidates
    assert settings.media_processes >= 1
    assert settings.data.is_absolute()


def test_a_real_database_brings_neither_the_demo_shop_nor_private_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db/vitrine")
    settings = load_settings()
    assert not settings.demo
    assert not settings.allow_private_candidates
    monkeypatch.setenv("VITRINE_DEMO", "true")
    assert load_settings().demo


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    assert load_settings().redis_url is None


def test_a_mistyped_name_stops_the_start_and_says_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_PROT", "80")
    with pytest.raises(InvalidSettings, match="did you mean VITRINE_PORT"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VITRINE_PORT", "wide"),
        ("VITRINE_PORT", "65536"),
        ("VITRINE_ICE_SERVERS", "stun:x"),
        ("VITRINE_DEMO", "2"),
    ],
)
def test_a_wrong_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as raised:
        load_settings()
    assert name.removeprefix("VITRINE_").lower() in str(raised.value).lower()
    assert value not in str(raised.value)
    assert raised.value.code == "settings-invalid"


def test_secrets_do_not_show_in_a_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:sesame@db/vitrine")
    monkeypatch.setenv("VITRINE_TURN_SECRET", "sesame")
    assert "sesame" not in repr(load_settings())


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1  # type: ignore[misc]


def test_a_child_with_the_environment_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_ICE_SERVERS", '[{"urls": "stun:stun.example"}]')
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db/vitrine")
    settings = load_settings()
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_header_that_anybody_could_send_names_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_REGION_HEADER", "CF-IPCountry")
    with pytest.raises(InvalidSettings, match="VITRINE_REGION_HEADER needs VITRINE_TRUSTED_PROXIES"):
        load_settings()
    monkeypatch.setenv("VITRINE_TRUSTED_PROXIES", "1")
    assert load_settings().region_header == "CF-IPCountry"
    monkeypatch.setenv("VITRINE_REGION", "Germany")
    with pytest.raises(InvalidSettings, match="VITRINE_REGION"):
        load_settings()
