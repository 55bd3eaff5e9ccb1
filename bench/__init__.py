"""Measurements of the live path: peers, yardsticks and what they print. Nothing of the product imports this."""
