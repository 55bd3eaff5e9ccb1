/** The camera with an outline to stand in and a self-timer. Its picture stays in this page until a photo is sent. */

import { h } from '../dom'
import { silhouette } from './silhouette'
import type { Say } from './words'

const COUNT_S = 6
const QUALITY = 0.92

/** Takes one photo, or none. Raises what `getUserMedia` raises. */
export async function takePhoto(say: Say, view: 'front' | 'side'): Promise<Blob | null> {
  let facing: 'environment' | 'user' = 'environment'
  let stream = await open(facing)
  const video = h('video', { autoplay: true, playsinline: true, muted: true, class: 'finder-video' })
  video.muted = true
  video.srcObject = stream
  const count = h('p', { class: 'finder-count', role: 'status' }, say('camera.stand'))
  return new Promise((resolve) => {
    let timer = 0
    const finish = (photo: Blob | null): void => {
      clearInterval(timer)
      for (const track of stream.getTracks()) track.stop()
      dialog.close()
      dialog.remove()
      resolve(photo)
    }
    const start = h('button', { type: 'button', class: 'primary', 'data-way': 'shoot' }, say('camera.start', { s: COUNT_S }))
    start.onclick = () => {
      start.disabled = true
      let left = COUNT_S
      count.classList.add('counting')
      count.textContent = String(left)
      timer = window.setInterval(() => {
        left -= 1
        count.textContent = String(left)
        if (left > 0) return
        clearInterval(timer)
        void grab(video).then(finish)
      }, 1000)
    }
    const turn = h('button', { type: 'button', class: 'quiet' }, say('camera.turn'))
    turn.onclick = async () => {
      facing = facing === 'user' ? 'environment' : 'user'
      for (const track of stream.getTracks()) track.stop()
      stream = await open(facing)
      video.srcObject = stream
      video.classList.toggle('mirrored', facing === 'user')
    }
    const close = h('button', { type: 'button', class: 'quiet', onclick: () => finish(null) }, say('camera.close'))
    const frame = h('div', { class: 'finder-frame' }, video)
    frame.append(silhouette(view), count)
    const dialog = h('dialog', { class: 'finder' }, frame, h('div', { class: 'ways' }, start, turn, close))
    dialog.addEventListener('cancel', () => finish(null))
    document.body.append(dialog)
    dialog.showModal()
  })
}

function open(facingMode: string): Promise<MediaStream> {
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode, width: { ideal: 1920 }, height: { ideal: 1440 } },
    audio: false,
  })
}

async function grab(video: HTMLVideoElement): Promise<Blob | null> {
  const canvas = h('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')?.drawImage(video, 0, 0)
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
}
