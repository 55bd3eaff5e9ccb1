"""The calls about webhooks: make, change, remove, try out, look at what was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from tenancy.owners import Owners
from tenancy.principals import Principal
from tenancy.webhooks import Webhook
from web import contract_webhooks as contract
from web.access import Access, owners_call
from web.openapi import Answer, Operation
from web.requests import json_answer, read_json, uuid_or_unknown

RIGHT = "webhooks:write"


@dataclass(frozen=True)
class Webhooks:
    """The handlers."""

    owners: Owners
    access: Access

    async def list_webhooks(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, RIGHT)
        there = await self.owners.webhooks.every(who.shop.id)
        return json_answer(contract.WebhooksShown(webhooks=[_shown(webhook) for webhook in there]))

    async def create_webhook(self, request: web.Request) -> web.Response:
        who = await self.access.principal(request, RIGHT)
        given = await read_json(request, contract.WebhookRequest)
        made, secret = await self.owners.webhooks.add(who.shop.id, given.url, given.events, by=who.name)
        return json_answer(contract.WebhookMade(**_shown(made).model_dump(), secret=secret), status=201)

    async def change_webhook(self, request: web.Request) -> web.Response:
        who, webhook = await self._named(request)
        given = await read_json(request, contract.WebhookChange)
        changed = await self.owners.webhooks.change(
            who.shop.id, webhook, url=given.url, events=given.events, active=given.active, by=who.name
        )
        return json_answer(_shown(changed))

    async def delete_webhook(self, request: web.Request) -> web.Response:
        who, webhook = await self._named(request)
        await self.owners.webhooks.remove(who.shop.id, webhook, by=who.name)
        return web.Response(status=204)

    async def test_webhook(self, request: web.Request) -> web.Response:
        who, webhook = await self._named(request)
        return json_answer(contract.Told(delivery=await self.owners.webhooks.test(who.shop.id, webhook)), status=202)

    async def list_deliveries(self, request: web.Request) -> web.Response:
        who, webhook = await self._named(request)
        there = await self.owners.webhooks.deliveries(who.shop.id, webhook)
        shown = [contract.Delivery.model_validate(delivery, from_attributes=True) for delivery in there]
        return json_answer(contract.Deliveries(deliveries=shown))

    async def tell_again(self, request: web.Request) -> web.Response:
        who, webhook = await self._named(request)
        delivery = uuid_or_unknown(request.match_info["delivery"], "unknown-delivery")
        await self.owners.webhooks.again(who.shop.id, webhook, delivery, by=who.name)
        return json_answer(contract.Told(delivery=delivery), status=202)

    async def _named(self, request: web.Request) -> tuple[Principal, UUID]:
        who = await self.access.principal(request, RIGHT)
        return who, uuid_or_unknown(request.match_info["webhook"], "unknown-webhook")

    def operations(self) -> list[Operation]:
        """All of the above, described."""
        path = "/v1/webhooks"
        one, unknown, on_its_way = f"{path}/{{webhook}}", "unknown-webhook", Answer(202, "On its way.", contract.Told)
        return [
            owners_call(
                f"GET {path}", self.list_webhooks, "The shop's webhooks", Answer(200, "All.", contract.WebhooksShown)
            ),
            owners_call(
                f"POST {path}",
                self.create_webhook,
                "Have an address told of events",
                Answer(201, "Made; the secret is shown this once.", contract.WebhookMade),
                ["webhook-invalid"],
                takes=contract.WebhookRequest,
            ),
            owners_call(
                f"PATCH {one}",
                self.change_webhook,
                "Another address, other events, on or off",
                Answer(200, "As it is now.", contract.WebhookShown),
                [unknown, "webhook-invalid"],
                takes=contract.WebhookChange,
            ),
            owners_call(
                f"DELETE {one}",
                self.delete_webhook,
                "Remove a webhook and its deliveries",
                Answer(204, "Removed."),
                [unknown],
            ),
            owners_call(
                f"POST {one}/test", self.test_webhook, "Tell it of nothing, to try it out", on_its_way, [unknown]
            ),
            owners_call(
                f"GET {one}/deliveries",
                self.list_deliveries,
                "What it was told, and what became of it",
                Answer(200, "The newest first.", contract.Deliveries),
                [unknown],
            ),
            owners_call(
                f"POST {one}/deliveries/{{delivery}}/again",
                self.tell_again,
                "Tell it once more",
                on_its_way,
                [unknown, "unknown-delivery"],
            ),
        ]


def _shown(webhook: Webhook) -> contract.WebhookShown:
    return contract.WebhookShown.model_validate(webhook, from_attributes=True)
