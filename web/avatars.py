"""The calls with which a shopper gets from her photos to a body, corrects it, takes it along and erases it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from aiohttp import hdrs, web

from tenancy.avatars import Avatar
from tenancy.consent import Purpose, current_text
from tenancy.errors import AvatarNotReady, ConsentRequired
from tenancy.fitting_room import FittingRoom
from tenancy.stated import Stated
from tenancy.visits import Visit, Visits
from web import contract_avatar as contract
from web.avatar_archive import read_archive, write_archive
from web.avatar_forms import ARCHIVE_BODY, ARCHIVE_FIELDS, PHOTO_BODY, PHOTO_FIELDS, photos_in, stated_in
from web.contract import ConsentText
from web.languages import language_for
from web.limits import Limits
from web.middleware import Readers
from web.openapi import Answer, Body, Credential, Operation
from web.problem import Problem
from web.requests import json_answer, read_json, uuid_or_unknown
from web.uploads import read_form, text_of

EVENTS = "text/event-stream"
ALIVE_S, LOOK_AGAIN_S = 10.0, 2.0
FOR_HER_ALONE = "private, max-age=31536000, immutable"
_MEDIA = {"body.glb": "model/gltf-binary", "plain.glb": "model/gltf-binary", "thumbnail.png": "image/png"}
_OF_NO_PHOTO: Mapping[str, str | None] = {"view": None}  # remarks of bodies made before a remark named its photo
_HERS = ("invalid-token", "missing-credentials", "origin-not-allowed", "token-expired", "unavailable")
_ONE = (*_HERS, "unknown-avatar")
_SENT = ("avatar-active", "avatar-invalid", "avatars-busy", "consent-required", "invalid-request", "payload-too-large")


@dataclass(frozen=True)
class Avatars:
    """The handlers. visit_of: whose request it is, or a problem. region_of: where she is, if anybody says."""

    room: FittingRoom
    visits: Visits
    limits: Limits
    visit_of: Callable[[web.Request], Awaitable[Visit]]
    region_of: Callable[[web.Request, Visit], Awaitable[str | None]]

    async def get_avatar_consent(self, request: web.Request) -> web.Response:
        await self.room.expect()
        return json_answer(_text("photo" if request.match_info["purpose"] == "photo" else "import", request))

    async def create_avatar(self, request: web.Request) -> web.Response:
        visit = await self._arriving(request)
        fields = await read_form(request, PHOTO_FIELDS)
        stated = stated_in(fields)
        photos = photos_in(fields)
        with _telling_what_to_agree_to("photo", request):
            language, version = language_for(request), text_of(fields, "consent")
            region = await self.region_of(request, visit)
            avatar = await self.room.avatars.ask(visit, stated, photos, version, language=language, region=region)
        return await self._accepted(visit, avatar)

    async def import_avatar(self, request: web.Request) -> web.Response:
        visit = await self._arriving(request)
        fields = await read_form(request, ARCHIVE_FIELDS)
        if "archive" not in fields:
            raise Problem("invalid-request", "`archive` is needed, the zip that another shop exported.")
        brought = await asyncio.to_thread(read_archive, fields["archive"])
        with _telling_what_to_agree_to("import", request):
            avatar = await self.room.avatars.adopt(
                visit,
                Stated(**brought.stated.model_dump(), skin=brought.skin),
                brought.body.model_dump(),
                {name: measure.model_dump() for name, measure in brought.measures.items()},
                text_of(fields, "consent"),
                language=language_for(request),
                region=await self.region_of(request, visit),
            )
        return await self._accepted(visit, avatar)

    async def list_avatars(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        found = [await self._shown(avatar) for avatar in await self.room.avatars.every(visit)]
        return json_answer(contract.Avatars(avatars=found))

    async def get_avatar(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        return json_answer(await self._shown(await self.room.avatars.get(visit, _id(request))))

    async def get_avatar_measurements(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        avatar = await self.room.avatars.get(visit, _id(request))
        return json_answer(contract.Measurements(measurements=_measurements(avatar)))

    async def get_avatar_events(self, request: web.Request) -> web.StreamResponse:
        visit, avatar_id = await self.visit_of(request), _id(request)
        avatar = await self.room.avatars.get(visit, avatar_id)
        await self.visits.renew(visit)
        response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"})
        response.content_type = EVENTS
        await response.prepare(request)
        with contextlib.suppress(ConnectionError), self.room.news.follow(avatar_id) as changed:
            await response.write(_event(await self._shown(avatar)))
            said, silent_s = avatar, 0.0
            while not said.at_rest:
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await changed.wait()
                avatar = await self.room.avatars.get(visit, avatar_id)
                silent_s = 0.0 if avatar != said else silent_s + LOOK_AGAIN_S
                if avatar != said:
                    await response.write(_event(await self._shown(avatar)))
                elif silent_s >= ALIVE_S:
                    silent_s = 0.0
                    await response.write(b": here\n\n")
                said = avatar
        return response

    async def correct_avatar(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        await self.limits.hit("avatar-correction", str(visit.id))
        given = await read_json(request, contract.Corrections)
        await self.visits.renew(visit)
        if not given.corrections_cm and given.skin is None:
            raise Problem("invalid-request", "`corrections_cm` or `skin` is needed.")
        avatar = await self.room.avatars.correct(visit, _id(request), given.corrections_cm, skin=given.skin)
        return await self._accepted(visit, avatar)

    async def get_avatar_body(self, request: web.Request) -> web.Response:
        variant = request.query.get("variant", "meshopt")
        if variant not in ("meshopt", "plain"):
            raise Problem("invalid-request", "`variant` is meshopt or plain.")
        return await self._file(request, "body.glb" if variant == "meshopt" else "plain.glb")

    async def get_avatar_plain_body(self, request: web.Request) -> web.Response:
        return await self._file(request, "plain.glb")

    async def get_avatar_thumbnail(self, request: web.Request) -> web.Response:
        return await self._file(request, "thumbnail.png")

    async def export_avatar(self, request: web.Request) -> web.Response:
        visit, avatar_id = await self.visit_of(request), _id(request)
        avatar = await self.room.avatars.get(visit, avatar_id)
        if not avatar.at_rest:  # what was said and what was made of it go together
            raise AvatarNotReady("it is being made")
        files = {
            name: (await self.room.avatars.file(visit, avatar_id, name, avatar.files.get(name)))[1] for name in _MEDIA
        }
        receipts = await self.room.photos.receipts(visit.tenant_id, avatar_id)
        archive = await asyncio.to_thread(write_archive, avatar, files, receipts)
        headers = {hdrs.CACHE_CONTROL: "no-store", hdrs.CONTENT_DISPOSITION: 'attachment; filename="my-body.zip"'}
        return web.Response(body=archive, headers=headers, content_type="application/zip")

    async def delete_avatar(self, request: web.Request) -> web.Response:
        visit = await self.visit_of(request)
        return json_answer(contract.Erased(receipts=await self.room.avatars.remove(visit, _id(request))))

    async def _arriving(self, request: web.Request) -> Visit:
        """Whose photos or archive come, if they may come now, before a byte of them is read."""
        visit = await self.visit_of(request)
        await self.limits.hit("avatar", self.limits.address(request))
        await self.limits.hit("avatar-shop", str(visit.tenant_id))
        await self.visits.renew(visit)
        return visit

    async def _accepted(self, _visit: Visit, avatar: Avatar) -> web.Response:
        answer = json_answer(await self._shown(avatar), status=202)
        answer.headers[hdrs.LOCATION] = f"/v1/avatars/{avatar.id}"
        return answer

    async def _file(self, request: web.Request, name: str) -> web.Response:
        visit, wanted = await self.visit_of(request), request.query.get("v")
        digest, content = await self.room.avatars.file(visit, _id(request), name, wanted)
        tag = f'"{digest}"'
        headers = {hdrs.CACHE_CONTROL: FOR_HER_ALONE if wanted else "private, no-cache", hdrs.ETAG: tag}
        headers[hdrs.VARY] = hdrs.AUTHORIZATION
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, headers=headers, content_type=_MEDIA[name])

    async def _shown(self, avatar: Avatar) -> contract.Avatar:
        return contract.Avatar(
            id=avatar.id,
            origin=cast(Literal["photos", "import"], avatar.origin),
            status=avatar.status,
            stage=avatar.stage,
            progress=avatar.progress,
            eta_seconds=await self.room.avatars.eta_s(avatar),
            failure=_failure(avatar),
            measurements=_measurements(avatar),
            corrections_cm=dict(avatar.corrections),
            skin=avatar.skin,
            findings=[contract.PhotoHint.model_validate({**_OF_NO_PHOTO, **finding}) for finding in avatar.findings],
            files=_files(avatar),
            created_at=avatar.created_at,
        )

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        one = contract.Avatar
        location = {"Location": "The avatar."}
        accepted = Answer(202, "It is in line; the answer says for how long.", one, headers=location)
        version = {"v": "The hash, as in `files`; with it the answer may be kept for ever."}
        read = {"lang": "The language in which she read what she agreed to; without it the browser's."}
        return [
            of_a_visit(
                "POST",
                "",
                self.create_avatar,
                "Make a body of photos",
                accepted,
                _sent("photo-format"),
                PHOTO_BODY,
                query=read,
            ),
            of_a_visit(
                "GET",
                "",
                self.list_avatars,
                "The visit's avatars",
                Answer(200, "Newest first.", contract.Avatars),
                _HERS,
            ),
            of_a_visit(
                "POST",
                "/import",
                self.import_avatar,
                "Bring a body along that another shop exported",
                accepted,
                _sent("archive-invalid"),
                ARCHIVE_BODY,
                query=read,
            ),
            of_a_visit(
                "GET", "/{avatar}", self.get_avatar, "One avatar, or how far it is", Answer(200, "As it is.", one), _ONE
            ),
            of_a_visit(
                "GET",
                "/{avatar}/events",
                self.get_avatar_events,
                "How far an avatar is, as it changes",
                Answer(
                    200,
                    "Server-sent events `avatar`, each the whole of `GET`; the stream ends with the work.",
                    media_type=EVENTS,
                ),
                _ONE,
            ),
            of_a_visit(
                "GET",
                "/{avatar}/measurements",
                self.get_avatar_measurements,
                "The measures with their errors",
                Answer(200, "Centimetres.", contract.Measurements),
                _ONE,
            ),
            of_a_visit(
                "PATCH",
                "/{avatar}",
                self.correct_avatar,
                "Correct measures, and the others follow; or give the body a colour",
                accepted,
                (
                    *_ONE,
                    *("avatar-active", "avatar-invalid", "avatar-not-ready", "avatars-busy", "invalid-json"),
                    *("invalid-request", "payload-too-large", "rate-limited", "unsupported-media-type"),
                ),
                Body(contract.Corrections),
            ),
            *(
                of_a_visit(
                    "GET",
                    f"/{{avatar}}/{name}",
                    handler,
                    says,
                    Answer(200, "The file.", media_type=_MEDIA[name]),
                    (*_ONE, "avatar-not-ready", "unknown-file"),
                    query=version,
                )
                for name, handler, says in (
                    ("body.glb", self.get_avatar_body, "The body, compressed with meshopt"),
                    ("plain.glb", self.get_avatar_plain_body, "The body without compression, for AR"),
                    ("thumbnail.png", self.get_avatar_thumbnail, "A picture of the body"),
                )
            ),
            of_a_visit(
                "GET",
                "/{avatar}/export",
                self.export_avatar,
                "Everything of an avatar, to take along",
                Answer(200, "A zip.", media_type="application/zip"),
                (*_ONE, "avatar-not-ready", "unknown-file"),
            ),
            of_a_visit(
                "DELETE",
                "/{avatar}",
                self.delete_avatar,
                "Erase an avatar with all that is its",
                Answer(200, "Signed receipts; nothing else is left.", contract.Erased),
                _ONE,
            ),
            Operation(
                "GET",
                "/v1/consent/{purpose:photo|import}",
                self.get_avatar_consent,
                "What a shopper agrees to before she sends photos, or brings a body along",
                [Answer(200, "The current text.", ConsentText)],
                query={"lang": "Its language; without it the browser's."},
                readers=Readers.ANYONE,
            ),
        ]


def of_a_visit(  # noqa: PLR0917  a table of calls reads best without names
    method: str,
    path: str,
    handler: Any,
    summary: str,
    answer: Answer,
    problems: tuple[str, ...],
    body: Body | None = None,
    query: Mapping[str, str] | None = None,
) -> Operation:
    """A call with the visit's token."""
    return Operation(
        method,
        f"/v1/avatars{path}",
        handler,
        summary,
        [answer],
        problems,
        body=body,
        credential=Credential.VISIT_TOKEN,
        query=query or {},
        readers=Readers.SHOP,
    )


def _sent(wrong: str) -> tuple[str, ...]:
    return (*_HERS, *_SENT, wrong, "rate-limited", "unsupported-media-type")


def _id(request: web.Request) -> UUID:
    return uuid_or_unknown(request.match_info["avatar"], "unknown-avatar")


def _text(purpose: Purpose, request: web.Request) -> ConsentText:
    text = current_text(language_for(request), purpose)
    return ConsentText(version=text.version, language=text.language, title=text.title, paragraphs=list(text.paragraphs))


@contextlib.contextmanager
def _telling_what_to_agree_to(purpose: Purpose, request: web.Request) -> Any:
    try:
        yield
    except ConsentRequired:
        raise Problem("consent-required", members=_text(purpose, request).model_dump()) from None


def _failure(avatar: Avatar) -> contract.Failure | None:
    if avatar.failure is None:
        return None
    return contract.Failure(code=avatar.failure, advice=avatar.advice, view=avatar.failure_view)


def _measurements(avatar: Avatar) -> dict[str, contract.Measurement]:
    return {
        name: contract.Measurement(cm=round(measure["value_cm"], 1), sigma_cm=round(measure["sigma_cm"], 2))
        for name, measure in avatar.measures.items()
    }


def _files(avatar: Avatar) -> contract.AvatarFiles | None:
    if not avatar.files:
        return None
    at = {name: f"/v1/avatars/{avatar.id}/{name}?v={digest}" for name, digest in avatar.files.items()}
    return contract.AvatarFiles(body=at["body.glb"], plain=at["plain.glb"], thumbnail=at["thumbnail.png"])


def _event(avatar: contract.Avatar) -> bytes:
    return b"event: avatar\ndata: " + avatar.model_dump_json().encode() + b"\n\n"
