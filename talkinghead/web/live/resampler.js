// Sound of any rate as sound of another, sample by sample, as `talkinghead.streaming.resampling` does it in Python: a windowed
// sinc on either side of each sample that comes out. It is the same however the sound is cut.
const CROSSINGS = 16; // zeros of the sinc on either side
const STEEP = 8; // shape of the Kaiser window
const PASSES = 0.92; // share of the lower of the two Nyquist frequencies at which half of the amplitude passes

/** Mono samples of one rate to another. delay: seconds of sound that are known before a sample comes out. */
export class Resampler {
  constructor(from, to = 16000) {
    if (!(Number.isInteger(from) && from >= 1000 && from <= 1e6)) throw new RangeError(`a rate of ${from} Hz: 1000 to 1000000`);
    const common = divisor(from, to);
    this.rate = from;
    this.up = to / common;
    this.down = from / common;
    this.cutoff = PASSES * Math.min(1, this.up / this.down);
    this.half = this.up === this.down ? 0 : Math.ceil(CROSSINGS / this.cutoff);
    this.delay = this.half / from;
    this.filters = new Map(); // of each place between two samples
    this.held = new Float32Array(this.half); // silence before the first sample
    this.first = -this.half; // number of the first sample that is held
    this.made = 0; // samples that have come out
  }

  push(samples) {
    if (!this.half) return Float32Array.from(samples);
    const held = new Float32Array(this.held.length + samples.length);
    held.set(this.held);
    held.set(samples, this.held.length);
    // Sample n is at n * down / up of what comes in, and needs `half` samples after it.
    const known = this.first + held.length - this.half;
    const out = new Float32Array(Math.max(0, Math.ceil((known * this.up) / this.down) - this.made));
    for (let i = 0; i < out.length; i++) {
      const place = (this.made + i) * this.down;
      const whole = Math.floor(place / this.up);
      const filter = this.filter(place - whole * this.up);
      const from = whole - this.half - this.first;
      let sum = 0;
      for (let k = 0; k < filter.length; k++) sum += filter[k] * held[from + k];
      out[i] = sum;
    }
    this.made += out.length;
    const kept = Math.max(this.first, Math.floor((this.made * this.down) / this.up) - this.half);
    this.held = held.slice(kept - this.first);
    this.first = kept;
    return out;
  }

  /** The rest: silence follows what was pushed. */
  finish() {
    return this.push(new Float32Array(this.half));
  }

  filter(phase) {
    if (!this.filters.has(phase)) {
      const weights = Float64Array.from({ length: 2 * this.half + 1 }, (_, k) => {
        const away = k - this.half - phase / this.up;
        const window = bessel(STEEP * Math.sqrt(Math.max(0, 1 - (away / (this.half + 1)) ** 2)));
        return sinc(away * this.cutoff) * window;
      });
      const sum = weights.reduce((a, b) => a + b, 0);
      this.filters.set(phase, Float32Array.from(weights, (weight) => weight / sum));
    }
    return this.filters.get(phase);
  }
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const divisor = (a, b) => (b ? divisor(b, a % b) : a);

function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; k < 60; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}
