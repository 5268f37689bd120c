// What a face does beside its words, so that it does not stare: blinks, small saccades, a slow sway of the head. Figures are
// those of `talkinghead.motion.nonverbal`, which has their sources; the voice does not move them here.
const BLINK_MEAN = 3.5; // seconds between blinks
const BLINK_SPREAD = 0.6; // sigma of their logarithm
const BLINK = [[0.08, 0.1], [0.045, 0.065], [0.15, 0.2], [0.92, 1]]; // seconds to close, shut, to open; the weight
const FIXATION = 0.9; // seconds: median of a look at one point
const NEAR = [1.3, 0.8]; // degrees: spread of looks to the side and up
const LOOK = { side: 14.5, up: 10 }; // degrees of eyeLookOut or In, and of eyeLookUp or Down, at weight 1
const SWAY = [0.7, 1.1, 0.6].map((degrees) => (degrees * Math.PI) / 180); // RMS of nod, turn, tilt
const WAVES = 9; // sines of each, from 0.06 to 0.7 Hz

/** Adds blinks, gaze and sway to frames, by a clock of seconds that goes on. */
export class Idle {
  constructor(names, seed = 1) {
    this.random = generator(seed);
    this.place = Object.fromEntries(names.map((name, i) => [name, i]));
    this.blink = { begin: this.uniform(0.5, 2), shape: this.shape() };
    this.look = { from: [0, 0], to: [0, 0], begin: 0, next: 1 };
    this.waves = SWAY.map((size) =>
      Array.from({ length: WAVES }, () => [
        size * Math.sqrt(2 / WAVES), 2 * Math.PI * this.uniform(0.06, 0.7), this.uniform(0, 2 * Math.PI),
      ]));
  }

  /** The frame as it is at `now` seconds; its weights are those of a copy. */
  add(frame, now) {
    const weights = Float32Array.from(frame.weights);
    const raise = (name, weight) => {
      if (name in this.place) weights[this.place[name]] = Math.max(weights[this.place[name]], Math.min(1, weight));
    };
    const [side, up] = this.gaze(now);
    raise("eyeLookOutLeft", side / LOOK.side), raise("eyeLookInRight", side / LOOK.side);
    raise("eyeLookInLeft", -side / LOOK.side), raise("eyeLookOutRight", -side / LOOK.side);
    for (const eye of ["Left", "Right"]) {
      raise(`eyeLookUp${eye}`, up / LOOK.up), raise(`eyeLookDown${eye}`, -up / LOOK.up);
      raise(`eyeBlink${eye}`, this.lid(now));
    }
    const rotation = this.waves.map((waves) => waves.reduce((sum, [size, speed, phase]) => sum + size * Math.sin(speed * now + phase), 0));
    return { ...frame, weights, rotation };
  }

  lid(now) {
    const { begin, shape: [closing, shut, opening, depth] } = this.blink;
    const since = now - begin;
    if (since > closing + shut + opening) {
      this.blink = { begin: now + Math.max(0.4, BLINK_MEAN * Math.exp(BLINK_SPREAD * this.normal() - BLINK_SPREAD ** 2 / 2)), shape: this.shape() };
    }
    if (since < closing + shut) return depth * ease(since / closing);
    return depth * ease(1 - Math.sqrt(Math.min(1, (since - closing - shut) / opening)));
  }

  gaze(now) {
    const { look } = this;
    if (now > look.next) {
      const to = NEAR.map((spread) => spread * this.normal());
      this.look = { from: look.to, to, begin: now, next: now + Math.min(4, Math.max(0.25, FIXATION * Math.exp(0.55 * this.normal()))) };
    }
    const share = ease((now - this.look.begin) / 0.03);
    return this.look.from.map((x, i) => x + share * (this.look.to[i] - x));
  }

  shape() {
    return BLINK.map(([low, high]) => this.uniform(low, high));
  }

  uniform(low, high) {
    return low + (high - low) * this.random();
  }

  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }
}

function ease(phase) {
  const p = Math.min(1, Math.max(0, phase));
  return p ** 3 * (10 - 15 * p + 6 * p * p);
}

// mulberry32 of T. Ettinger: numbers in [0, 1).
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
