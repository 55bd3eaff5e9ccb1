"""One shopper's live try-on: her peer connection, her control channel, and what she wears."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from render.pipeline import FaceState
from rtc import control
from rtc.avatars import Figures, UnknownAvatar
from rtc.claims import Visitor
from rtc.freezes import FreezeMeter
from rtc.guard import DatagramGuard
from rtc.offers import OfferRejected, Unavailable, UnknownProduct
from rtc.receive import VideoReceiver
from rtc.send import VideoSender
from rtc.signalling import MAX_CANDIDATES, Fragment
from rtc.viewing import Viewing
from rtc.worker import FinishedFrame, FrameStream, FrameWorker

HEARTBEAT_S = 10.0  # without a packet or a ping for this long the shopper is gone
CONNECT_S = 20.0
FACE_STEADY_FRAMES = 5  # a hint appears when its cause has lasted, not at every flicker
FIT_EVERY_S = 1.0
MESSAGES_PER_S = 50  # heard; a page sends a few
SNAPSHOT_EVERY_S = 0.5
MAX_UNHEARD_BYTES = 65_536  # said and not taken yet: a far end that takes nothing is told nothing more
log = logging.getLogger("vitrine.session")


@dataclass(frozen=True)
class Dressing:
    """What wearing some products came to: what the renderer draws, and their sizes for the shopper."""

    products: tuple[str, ...]
    wearables: tuple[Any, ...]
    frame_width_mm: float | None = None


Dresser = Callable[[tuple[str, ...]], Awaitable[Dressing]]


@dataclass
class SessionHooks:
    """What a session tells its node, each called on the event loop."""

    on_frame: Callable[[FinishedFrame], None] = lambda _frame: None
    on_end: Callable[[str], None] = lambda _reason: None
    on_freeze: Callable[[float], None] = lambda _seconds: None
    on_stats: Callable[[control.Stats], None] = lambda _stats: None
    on_worn: Callable[[tuple[str, ...]], None] = lambda _products: None
    keep_snapshot: Callable[[bytes, str | None], str] = lambda _jpeg, _avatar: ""


@dataclass
class Session:
    """A live try-on from offer to end.

    dress: loads products by id. stream: the session's place on the frame worker. visitor: whose it is. figures: makes
    figures of her avatars, None where there are none. limit_s: longest life.
    """

    id: str
    worker: FrameWorker
    stream: FrameStream
    dress: Dresser
    hooks: SessionHooks = field(default_factory=SessionHooks)
    visitor: Visitor | None = None
    figures: Figures | None = None
    ice_servers: tuple[RTCIceServer, ...] = ()
    limit_s: float = 3600.0

    def __post_init__(self) -> None:
        # An empty list matters: without one aiortc asks a public STUN server.
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=list(self.ice_servers), bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.stream.on_finished = self._on_finished
        self.stream.on_lost = self._on_lost
        self.stream.on_snapshot = self._on_snapshot
        self._channel: RTCDataChannel | None = None
        self._receiver: VideoReceiver | None = None
        self._sender: VideoSender | None = None
        self._watch: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._started = self._last_ping = time.monotonic()
        self._arrivals = FreezeMeter()
        self._ended = False
        self._heard = (0, 0)  # the second, and the messages in it
        self._wear_order = 0
        self._snapshot_at = float("-inf")
        self._shown_state: FaceState | None = None
        self._candidate_state: tuple[FaceState, int] = (FaceState.FOUND, 0)
        self._last_fit = 0.0
        self._frame_width_mm: float | None = None
        self._remote_ufrag: str | None = None
        self._candidates = 0
        figures = None if self.visitor is None else self.figures
        self._viewing = Viewing(figures, self.visitor or Visitor("", ""), self.stream, say=self.say, spawn=self._spawn)
        self.worn: tuple[str, ...] = ()
        self.guard: DatagramGuard | None = None

    async def answer(self, offer_sdp: str, products: tuple[str, ...]) -> str:
        """Accept a checked offer; returns the answer. Raises OfferRejected, UnknownProduct or Unavailable."""
        dressing = await self.dress(products)
        try:
            offered = RTCSessionDescription(_let_begin(offer_sdp), "offer")
            await self._connection.setRemoteDescription(offered)
            self._take_over()
            self._connection.on("datachannel", self._on_channel)
            self._connection.on("connectionstatechange", self._on_connection_state)
            answer = await self._connection.createAnswer()
            await self._connection.setLocalDescription(answer)
            self._stand_guard()
            self._remote_ufrag = _ufrag_of(offer_sdp)
        except (OperationError, InvalidAccessError, InvalidStateError, ValueError, AttributeError) as error:
            await self.end("offer-rejected")
            raise OfferRejected("sdp-invalid", "The offer cannot be answered.") from error
        self._put_on(dressing)
        self._watch = asyncio.create_task(self._watch_over())
        return str(self._connection.localDescription.sdp)

    async def trickle(self, fragment: Fragment) -> None:
        """Take trickled candidates. Raises OfferRejected when they belong to another ICE session."""
        if fragment.ufrag is not None and fragment.ufrag != self._remote_ufrag:
            raise OfferRejected("ice-restart-not-supported", "The candidates are of another ICE session.")
        room = max(0, MAX_CANDIDATES - self._candidates)
        self._candidates += len(fragment.candidates)
        for candidate in fragment.candidates[:room]:
            with contextlib.suppress(ValueError, InvalidStateError):
                await self._connection.addIceCandidate(candidate)
        if fragment.complete:
            with contextlib.suppress(ValueError, InvalidStateError):
                await self._connection.addIceCandidate(None)

    async def end(self, reason: str) -> None:
        """Close everything; safe to call twice."""
        if self._ended:
            return
        self._ended = True
        if self._watch is not None and self._watch is not asyncio.current_task():
            self._watch.cancel()
        self._viewing.end()
        await self._connection.close()
        self.stream.closed = True
        self.worker.call(self.stream.close)
        self.hooks.on_end(reason)

    def say(self, message: control.Reply) -> None:
        """Tell the shopper something, if her channel is open."""
        channel = self._channel
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < MAX_UNHEARD_BYTES:
            channel.send(json.dumps(message, separators=(",", ":")))

    @property
    def connected(self) -> bool:
        return bool(self._connection.connectionState == "connected")

    @property
    def receiver(self) -> VideoReceiver | None:
        return self._receiver

    @property
    def sender(self) -> VideoSender | None:
        return self._sender

    # The media path

    def _take_over(self) -> None:
        """Put our receiver and sender where aiortc has made its own, before anything has started."""
        for transceiver in self._connection.getTransceivers():
            if transceiver.kind != "video":
                transceiver.direction = "inactive"
                continue
            transport, track = transceiver.receiver.transport, transceiver.receiver.track
            sender = VideoSender(transport)
            sender._stream_id = transceiver.sender._stream_id
            receiver = VideoReceiver(transport, track, self._on_encoded)
            receiver._set_rtcp_ssrc(sender._ssrc)
            sender.on_key_frame_request = self._on_key_frame_request
            sender.on_bandwidth = self._on_bandwidth
            sender.on_report = self._on_report
            self.stream.path_is_full = sender.crowded
            _replace_ends(transceiver, receiver, sender)
            transceiver.direction = "sendrecv"
            self._receiver, self._sender = receiver, sender

    def _stand_guard(self) -> None:
        if self._receiver is not None:
            self.guard = DatagramGuard(self._receiver.transport.transport._connection)
            self.guard.install()
            self.guard.shield(self._receiver.transport, self._connection.sctp)

    def _on_encoded(self, codec: Any, encoded: Any) -> None:
        sender, receiver = self._sender, self._receiver
        if sender is None or receiver is None or self._ended:
            return
        if sender.rtt_s is not None:
            receiver.rtt_s = sender.rtt_s
            self.stream.heard_round_trip(sender.rtt_s)
        if (stood_still_s := self._arrivals.frame(time.monotonic())) > 0:
            self.hooks.on_freeze(stood_still_s)
        self.stream.send_codec = sender.codec
        if self.stream.push(codec, encoded):
            self.worker.wake(self.stream)
        else:
            receiver.want_key_frame()

    def _on_finished(self, finished: FinishedFrame) -> None:
        """A frame comes back from the worker: send it, and tell what it showed."""
        if self._ended or self._sender is None:
            return
        self._sender.set_rate(self.stream.bitrate.target_bps)
        self._sender.send_frame(finished.payloads, finished.timestamp)
        self.hooks.on_frame(finished)
        self._tell_face(finished)

    def _on_lost(self) -> None:
        """The decoder lost its references."""
        if self._receiver is not None:
            self._receiver.want_key_frame()

    def _on_snapshot(self, jpeg: bytes, showing: object) -> None:
        if self._ended:  # and perhaps erased: nothing of hers is kept from here on
            return
        avatar = self._viewing.avatar if showing is not None else None
        if showing is not None and avatar is None:  # it was erased since that picture
            self.say(control.error(UnknownAvatar.code))
            return
        self.say({"type": "snapshot", "url": self.hooks.keep_snapshot(jpeg, avatar)})

    def _on_key_frame_request(self) -> None:
        self.stream.key_frame_wanted = True

    def _on_bandwidth(self, bits_per_second: int) -> None:
        self.stream.bitrate.heard_estimate(bits_per_second, time.monotonic())

    def _on_report(self, _rtt_s: float | None, lost: float) -> None:
        self.stream.bitrate.heard_loss(lost, time.monotonic())

    # The control channel

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == control.CHANNEL and self._channel is None:
            self._channel = channel
            channel.on("message", self._on_message)

    def _on_message(self, text: str | bytes) -> None:
        second = int(time.monotonic())
        heard = self._heard[1] + 1 if self._heard[0] == second else 1
        self._heard = (second, heard)
        if heard > MESSAGES_PER_S:
            if heard == MESSAGES_PER_S + 1:
                self.say(control.error("too-many-messages"))
            return
        try:
            message = control.read_message(text)
        except control.MessageRejected as rejected:
            self.say(control.error(rejected.code))
            return
        self._last_ping = time.monotonic()
        match message:
            case control.Ping():
                self.say(control.pong(message))
            case control.Wear():
                self._wear_order += 1
                self._spawn(self._wear(tuple(message.products), self._wear_order))
            case control.Stats():
                self.hooks.on_stats(message)
            case control.Snapshot():
                self._want_snapshot()
            case control.View():
                self._viewing.ask(message)

    def _want_snapshot(self) -> None:
        """At once, or half a second after the last one: a JPEG costs time that belongs to all. One that is under way
        serves those who ask meanwhile."""
        now = time.monotonic()
        if self._snapshot_at > now:
            return
        self._snapshot_at = max(now, self._snapshot_at + SNAPSHOT_EVERY_S)
        asyncio.get_running_loop().call_later(self._snapshot_at - now, self._take_snapshot)

    def _take_snapshot(self) -> None:
        self.stream.snapshot_wanted = True

    async def _wear(self, products: tuple[str, ...], order: int) -> None:
        try:
            dressing = await self.dress(products)
        except UnknownProduct as unknown:
            self.say(control.error(unknown.code))
            return
        except Unavailable as unavailable:  # what is worn stays on
            self.say(control.error(unavailable.code))
            return
        except Exception:
            log.exception("products-not-worn")
            self.say(control.error(Unavailable.code))
            return
        if order == self._wear_order:  # an older wish that loaded slowly must not undo a newer one
            self._put_on(dressing)
            self.say({"type": "worn", "products": list(dressing.products)})

    def _put_on(self, dressing: Dressing) -> None:
        self.worn = dressing.products
        self.stream.worn = dressing.wearables
        self._frame_width_mm = dressing.frame_width_mm
        self._last_fit = 0.0
        self.hooks.on_worn(dressing.products)

    def _tell_face(self, finished: FinishedFrame) -> None:
        state, lasted = self._candidate_state
        seen = finished.outcome.state
        if seen is FaceState.UNWATCHED:
            self._shown_state = None
            return
        self._candidate_state = (seen, lasted + 1 if seen == state else 1)
        if seen != self._shown_state and (self._shown_state is None or self._candidate_state[1] >= FACE_STEADY_FRAMES):
            if self._channel is None or self._channel.readyState != "open":
                return
            self._shown_state = seen
            self.say(control.face(seen))
        fit, now = finished.outcome.fit, time.monotonic()
        if fit is not None and now - self._last_fit >= FIT_EVERY_S:
            self._last_fit = now
            self.say(
                {
                    "type": "fit",
                    "pd_mm": round(fit.pd_mm, 1),
                    "pd_sigma_mm": round(fit.pd_sigma_mm, 1),
                    "frame_width_mm": self._frame_width_mm,
                }
            )

    # Life and death

    def _on_connection_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._spawn(self.end("connection-lost"))

    async def _watch_over(self) -> None:
        """End the session when it never connects, falls silent, or has lasted too long."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            heard = max(self._last_ping, self._receiver.last_packet_at if self._receiver else 0.0)
            if not self.connected and now - self._started > CONNECT_S:
                return await self.end("never-connected")
            if self.connected and now - heard > HEARTBEAT_S:
                return await self.end("silent")
            if now - self._started > self.limit_s:
                return await self.end("time-limit")

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _let_begin(sdp: str) -> str:
    """A plain WHIP client, which only sends, begins the DTLS handshake.

    GStreamer 1.22 on OpenSSL 3.0 gives up at the first message of OpenSSL 4, and gets on with it the other way round.
    Browsers are answered as RFC 8842 prefers: we begin.
    """
    return sdp.replace("a=setup:actpass", "a=setup:active") if "a=sendonly" in sdp else sdp


def _ufrag_of(sdp: str) -> str | None:
    """The far end's ICE session; with one transport it is the first that is named."""
    lines = (line.strip() for line in sdp.splitlines())
    return next((line.removeprefix("a=ice-ufrag:") for line in lines if line.startswith("a=ice-ufrag:")), None)


def _replace_ends(transceiver: RTCRtpTransceiver, receiver: VideoReceiver, sender: VideoSender) -> None:
    """aiortc offers no way to bring one's own receiver and sender, so its two private fields are set.

    The version of aiortc is pinned; every test with a session fails here if they are ever renamed.
    """
    fields = cast(Any, transceiver)
    assert hasattr(fields, "_RTCRtpTransceiver__receiver")
    assert hasattr(fields, "_RTCRtpTransceiver__sender")
    fields._RTCRtpTransceiver__receiver = receiver
    fields._RTCRtpTransceiver__sender = sender
