"""What runs between the rooms: each file joins an interface of one room to what another one offers.

`server.py` builds with it; no room knows of it.
"""
