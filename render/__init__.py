"""Pixels: face tracking, head pose, product models, lighting, rendering, compositing.

A frame and a description of what is worn go in, a frame comes out. No WebRTC, no HTTP, no shop.
"""
