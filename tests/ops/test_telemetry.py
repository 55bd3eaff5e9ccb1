"""What the log holds, and what it must not hold."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging

import structlog

from ops.telemetry import configure_logging, measured_loop


def lines(output: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_is_json_with_its_role_level_and_time():
    output = io.StringIO()
    configure_logging("info", "json", role="web", output=output)
    structlog.get_logger().info("answered", status=200, ms=3)
    (line,) = lines(output)
    assert line.items() >= {"event": "answered", "role": "web", "level": "info", "status": 200}.items()
    assert line["timestamp"].endswith("Z")


def test_an_exception_is_logged_by_class_and_place_without_its_message():
    output = io.StringIO()
    configure_logging("info", "json", role="web", output=output)
    try:
        int("v=0 o=- a shopper's SDP")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("failed too")
    assert [line["error"] for line in lines(output)] == ["ValueError", "ValueError"]
    assert "test_telemetry.py" in lines(output)[0]["where"][0]
    assert "shopper" not in output.getvalue()


async def test_a_task_that_fails_unseen_does_not_quote_what_it_failed_on():
    output = io.StringIO()
    configure_logging("info", "json", role="web", output=output)

    async def fail():
        raise ValueError("a shopper's token")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()
    assert "never retrieved" in output.getvalue()
    assert "token" not in output.getvalue()


def test_the_webrtc_library_does_not_describe_its_sessions():
    output = io.StringIO()
    configure_logging("debug", "json", role="media", output=output)
    logging.getLogger("aioice.ice").info("Check CandidatePair(('192.0.2.1', 1) -> ('192.0.2.2', 2))")
    assert output.getvalue() == ""


async def test_the_lag_of_the_loop_is_measured():
    from prometheus_client import REGISTRY

    async with measured_loop("test"):
        await asyncio.sleep(0.35)
    assert REGISTRY.get_sample_value("vitrine_loop_lag_seconds_count", {"role": "test"}) >= 2
