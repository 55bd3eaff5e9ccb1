"""What gets lost of live try-ons, told to Prometheus while they run: frames, packets, datagrams, still pictures."""

from collections import Counter as Tally

from prometheus_client import Counter, Gauge

from rtc.encode import h264_encoder_name, vp8_encoder_name
from rtc.session import Session

DROPPED = Counter("vitrine_frames_dropped", "Frames not worked on or not sent back.", ["node", "cause"])
JUMPS = Counter("vitrine_stream_jumps", "Times a stream gave up a hole and jumped to a key frame.", ["node"])
PACKETS = Counter("vitrine_packets", "What became of video packets.", ["node", "fate"])
REFUSED = Counter("vitrine_datagrams_refused", "Datagrams that no session took.", ["node", "cause"])
FREEZES = Counter("vitrine_freezes", "Times a picture stood still, as browsers define it.", ["node", "where"])
FREEZE_SECONDS = Counter("vitrine_freeze_seconds", "How long pictures stood still.", ["node", "where"])
OPENED = Counter(
    "vitrine_video_encoders_opened", "Encoders taken: one for each size of a try-on's picture.", ["node", "codec"]
)
ENCODERS = Gauge(
    "vitrine_video_encoder",
    "Live try-ons by the video encoder that makes their pictures.",
    ["node", "codec", "implementation"],
    multiprocess_mode="livesum",
)
CAMERA, BROWSER = "camera", "browser"  # as it arrives here; as the shopper saw it


class Losses:
    """One node's. Counts of a session grow on the session; what was added since the last look is told here."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._told: dict[str, dict[Counter, int]] = {}
        self._encoders: set[tuple[str, str]] = set()

    def choose_encoders(self) -> None:
        """Name the encoders that this node's sessions will get; tries those that may be there, so not on the loop."""
        self._encoders |= {("VP8", vp8_encoder_name()), ("H264", h264_encoder_name())}

    def look(self, sessions: list[Session]) -> None:
        """Tell what the live sessions have lost since the last look."""
        for session in sessions:
            self._tell(session)
        using = Tally(encoder for session in sessions if (encoder := _encoder_of(session)) is not None)
        self._encoders |= set(using)
        for codec, name in self._encoders:
            ENCODERS.labels(self._node, codec, name).set(using[codec, name])

    def end(self, session: Session) -> None:
        """A session's last figures."""
        self._tell(session)
        self._told.pop(session.id, None)

    def freeze(self, where: str, seconds: float, times: int = 1) -> None:
        """A picture stood still."""
        FREEZES.labels(self._node, where).inc(times)
        FREEZE_SECONDS.labels(self._node, where).inc(seconds)

    def _tell(self, session: Session) -> None:
        told = self._told.setdefault(session.id, {})
        for instrument, total in self._totals(session).items():
            instrument.inc(max(0, total - told.get(instrument, 0)))
            told[instrument] = total

    def _totals(self, session: Session) -> dict[Counter, int]:
        totals: dict[Counter, int] = {
            DROPPED.labels(self._node, cause): count for cause, count in session.stream.dropped.items()
        }
        assembler = session.receiver.assembler if session.receiver else None
        if assembler is not None:
            counted = assembler.counters
            totals[JUMPS.labels(self._node)] = counted.jumps
            totals[PACKETS.labels(self._node, "recovered")] = counted.recovered_packets
            totals[PACKETS.labels(self._node, "late")] = counted.late_packets
            totals[PACKETS.labels(self._node, "skipped")] = counted.skipped_packets
        if session.sender is not None:
            totals[PACKETS.labels(self._node, "repeated")] = session.sender.repeated
            totals[PACKETS.labels(self._node, "not-repeated")] = session.sender.not_repeated
        if (using := _encoder_of(session)) is not None and session.stream.encoder is not None:
            totals[OPENED.labels(self._node, using[0])] = session.stream.encoder.opened
        if session.guard is not None:
            for cause, count in vars(session.guard.refused).items():
                totals[REFUSED.labels(self._node, cause)] = count
        return totals


def _encoder_of(session: Session) -> tuple[str, str] | None:
    encoder, codec = session.stream.encoder, session.stream.send_codec
    return (codec.name, encoder.name) if encoder is not None and codec is not None else None
