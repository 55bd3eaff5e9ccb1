"""The demo shop: its glasses, hats and garments, modelled in code."""
