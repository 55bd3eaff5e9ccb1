// Runs in the measured page, before its own scripts: keeps hold of the camera's track, and reads frame numbers on both
// sides when asked to. Python checks the numbers' check bits.
(() => {
  const probe = (window.__probe = { camera: null, sent: [], shown: [], reading: false, worn: [] })
  const media = navigator.mediaDevices
  const open = media.getUserMedia.bind(media)
  media.getUserMedia = async (wanted) => {
    const stream = await open(wanted)
    probe.camera = stream.getVideoTracks()[0]
    return stream
  }

  // From the word that something else is to be worn to the second picture after the server's word that it is: the first
  // may have been on its way already.
  const make = RTCPeerConnection.prototype.createDataChannel
  RTCPeerConnection.prototype.createDataChannel = function (...named) {
    const channel = make.apply(this, named)
    const send = channel.send.bind(channel)
    let asked = 0
    channel.send = (text) => {
      if (String(text).includes('"wear"')) asked = performance.now()
      send(text)
    }
    channel.addEventListener('message', ({ data }) => {
      if (!asked || !String(data).includes('"worn"')) return
      const [from, video] = [asked, probe.picture()]
      asked = 0
      video?.requestVideoFrameCallback(() => video.requestVideoFrameCallback((now) => probe.worn.push(now - from)))
    })
    return channel
  }

  probe.picture = () =>
    [...document.querySelectorAll('video')].find(
      (video) => video.srcObject?.getVideoTracks().some((track) => track.id !== probe.camera?.id) && video.videoWidth,
    )

  // The 24 cells at the lower left, first cell first, as one number: see bench/frames.py.
  const bits = async (frame) => {
    const { width, height } = frame.visibleRect
    const side = Math.max(4, Math.round(width / 80) * 2)
    const rect = { x: 0, y: (height - 2 * side) & ~1, width: 12 * side, height: 2 * side }
    const luma = new Uint8Array(frame.allocationSize({ rect }))
    const [plane] = await frame.copyTo(luma, { rect })
    let value = 0
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 12; column++) {
        let sum = 0
        for (let y = side >> 2; y < side - (side >> 2); y++) {
          const line = plane.offset + (row * side + y) * plane.stride + column * side
          for (let x = side >> 2; x < side - (side >> 2); x++) sum += luma[line + x]
        }
        const inner = side - 2 * (side >> 2)
        value = value * 2 + (sum / inner / inner > 127.5 ? 1 : 0)
      }
    }
    frame.close()
    return value
  }

  probe.read = () => {
    probe.reading = true
    const reader = new MediaStreamTrackProcessor({ track: probe.camera.clone() }).readable.getReader()
    const own = async () => {
      const { value: frame } = await reader.read()
      const at = performance.now()
      if (frame) probe.sent.push([await bits(frame), at])
      if (probe.reading) void own()
    }
    void own()
    const video = probe.picture()
    const returned = async (now) => {
      const frame = new VideoFrame(video)
      if (probe.reading) video.requestVideoFrameCallback(returned)
      probe.shown.push([await bits(frame), now])
    }
    video.requestVideoFrameCallback(returned)
  }
})()
