"""What the demo shop sells: each wearable with the name and the sentence a shopper reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.acetate_glasses import bold_square, bold_square_sun, cat_eye, panto
from demo.beanie import beanie
from demo.cap import baseball_cap
from demo.felt_hat import wide_brim
from demo.metal_glasses import aviator, rimless, round_wire
from demo.straw_hat import straw_hat


@dataclass(frozen=True)
class Demo:
    """One wearable of the demo shop; kind is "glasses" or "hat"."""

    name: str
    kind: str
    description: str
    make: Callable[[str], bytes]

    def build(self) -> bytes:
        """The wearable as canonical GLB, the same bytes each time."""
        return self.make(self.name)


WEARABLES: tuple[Demo, ...] = (
    Demo("Luna", "glasses", "Thin round wire in gold, clear lenses", round_wire),
    Demo("Meridian", "glasses", "Aviator in gold, brown gradient sun lenses", aviator),
    Demo("Norton Black", "glasses", "Bold square in black acetate, clear lenses", bold_square),
    Demo("Norton Tortoise", "glasses", "Bold square in tortoise acetate, green sun lenses", bold_square_sun),
    Demo("Fjord", "glasses", "Rimless in titanium, clear lenses", rimless),
    Demo("Linden", "glasses", "Panto with a keyhole bridge in honey tortoise, clear lenses", panto),
    Demo("Odette", "glasses", "Cat-eye in burgundy acetate, smoke gradient sun lenses", cat_eye),
    Demo("Harbour Cap", "hat", "Six-panel cap in navy twill", baseball_cap),
    Demo("Sorrento Felt", "hat", "Wide-brim felt in camel with a black ribbon", wide_brim),
    Demo("Alder Beanie", "hat", "Ribbed wool beanie in brick red", beanie),
    Demo("Marina Straw", "hat", "Plaited straw with a navy ribbon", straw_hat),
)
