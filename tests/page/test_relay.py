"""A shopper whose network lets nothing through but a relay gets her try-on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.camera import FaceCamera
from tests.installation import Installation
from tests.page.conftest import CHROMIUM, FLAGS, Visit
from tests.rtc.coturn import SECRET, own_address, running_coturn

pytestmark = pytest.mark.timeout(400)
RELAYS_ONLY = """
window.peers = [];
const Real = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
  constructor(configuration) { super({...configuration, iceTransportPolicy: 'relay'}); window.peers.push(this) }
};
"""
SELECTED = """async () => {
  const stats = [...(await window.peers.at(-1).getStats()).values()];
  const { selectedCandidatePairId } = stats.find((s) => s.type === 'transport');
  const pair = stats.find((s) => s.id === selectedCandidatePairId);
  return stats.find((s) => s.id === pair.localCandidateId).candidateType;
}"""


@pytest.fixture
def relayed_shop(tmp_path: Path) -> Iterator[Installation]:
    """A server and a relay, both on this machine, whose address the relay is told to let through."""
    here = own_address()
    with Installation() as made, running_coturn(here, here, tmp_path, f"--allowed-peer-ip={here}") as port:
        urls = f'["turn:{here}:{port}?transport=udp"]'
        made.start(settings={"VITRINE_TURN_URLS": urls, "VITRINE_TURN_SECRET": SECRET})
        yield made


def test_with_nothing_but_a_relay_the_picture_comes_back(
    chromium: Playwright, film: Path, face: FaceCamera, relayed_shop: Installation
) -> None:
    camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    browser = chromium.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, *camera, "--use-fake-ui-for-media-stream"]
    )
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(RELAYS_ONLY)
    page.goto(relayed_shop.url.replace("127.0.0.1", "localhost") + "/s/demo")
    visit = Visit(page, face)
    visit.go_live()
    assert page.evaluate(SELECTED) == "relay"
    assert visit.picture().mean() > 10
    browser.close()
