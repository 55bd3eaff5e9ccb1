"""Garments: cloth that hangs on bodies, the project's own catalogue, intake of others, dressing."""
