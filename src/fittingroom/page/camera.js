// A live picture in the mirror, for devices that have no program of their own to take a photo with.
import { partOf } from "./crop.js";
import { Refusal } from "./refusal.js";

export async function openCamera(video) {
  const asked = navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
  const stream = await asked.catch(({ name }) => {
    if (name === "NotAllowedError")
      throw new Refusal("This page may not use the camera. Allow it in the browser, and try again.");
    throw new Refusal("No camera is free. Connect one, or close other programs that use it.");
  });
  closeCamera(video); // it may have been asked for twice
  video.srcObject = stream;
  await video.play();
}

export function closeCamera(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

// The part of the picture that the mirror shows, as a file.
export function photoOf(video) {
  const { videoWidth, videoHeight, clientWidth, clientHeight } = video;
  const scale = Math.min(videoWidth / clientWidth, videoHeight / clientHeight);
  const [wide, high] = [scale * clientWidth, scale * clientHeight];
  return partOf(video, (videoWidth - wide) / 2, (videoHeight - high) / 2, wide, high);
}
