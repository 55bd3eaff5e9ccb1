"""WebRTC: signalling, sessions, the receive and send paths, admission and placement."""
