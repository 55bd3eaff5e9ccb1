"""The proof that a process can dress a picture, and the rehearsal, each in a process that has drawn nothing yet."""

import subprocess
import sys

import pytest

from render.proof import PictureUnchanged, prove
from render.scene import SceneRenderer

SLOW_TO_IMPORT = "scipy.spatial"
CODE = f"""
import sys
from pathlib import Path
from render.networks import FaceNetworks
from render.pipeline import TryOn
from render.proof import prove, rehearse
from render.scene import SceneRenderer
from render.tracker import FaceTracker

renderer = SceneRenderer()
prove(renderer)
print({SLOW_TO_IMPORT!r} in sys.modules, len(renderer._programs._handles))
rehearse(renderer, TryOn(FaceTracker(FaceNetworks.load(Path("models"))), renderer))
print({SLOW_TO_IMPORT!r} in sys.modules, len(renderer._programs._handles))
"""


def test_the_proof_is_quick_and_the_rehearsal_leaves_nothing_for_the_first_shopper():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120)
    proof, rehearsal = done.stdout.split("\n")[:2]
    assert proof == "False 3"  # head, shadow, one surface
    assert rehearsal == "True 8"  # head, shadow, six kinds of surface


def test_a_renderer_that_draws_nothing_is_found_out():
    renderer = SceneRenderer()
    renderer.draw = lambda *_args, **_options: []  # as a lost context would
    with pytest.raises(PictureUnchanged):
        prove(renderer)
    renderer.close()
