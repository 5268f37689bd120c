// What an AudioContext plays or records, as 16 kHz mono blocks of 20 ms, each with the context's time of its first sample.
import { Resampler } from "./resampler.js";

const RATE = 16000;
const BLOCK = 320;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE);
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
    this.sent = 0;
    this.begin = null;
    this.open = true;
    this.port.onmessage = () => (this.open = false);
  }

  process([channels]) {
    if (!this.open) return false;
    this.begin ??= currentTime;
    const mono = new Float32Array(128);
    for (const channel of channels) for (let i = 0; i < channel.length; i++) mono[i] += channel[i] / channels.length;
    for (const sample of this.resampler.push(mono)) {
      this.block[this.filled++] = sample;
      if (this.filled < BLOCK) continue;
      this.port.postMessage({ samples: this.block, time: this.begin + (this.sent++ * BLOCK) / RATE }, [this.block.buffer]);
      this.block = new Float32Array(BLOCK);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("talkinghead-capture", Capture);
