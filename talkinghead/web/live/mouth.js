// Lips and tongue of one frame by the phonemes that are heard: `motion.articulation`, `motion.lip_closure`, `motion.pauses` and
// `motion.tongue` of the Python package, whose tables are in `about`. Weights are changed in place.

export const clamp = (x, low = 0, high = 1) => Math.min(high, Math.max(low, x));

/** 0 to 1 by the cubic with slope 0 at both ends. */
export function smoothstep(phase) {
  const p = clamp(phase);
  return p * p * (3 - 2 * p);
}

/** 0 to 1 with the least jerk. */
export function ease(phase) {
  const p = clamp(phase);
  return p ** 3 * (10 - 15 * p + 6 * p * p);
}

const dot = (weights, shape) => {
  let sum = 0;
  for (let k = 0; k < shape.length; k++) sum += weights[k] * shape[k];
  return sum;
};

/** What the shapes of a head do at the mouth. about: `talker.json`. */
export class Mouth {
  constructor({ names, mouth }) {
    Object.assign(this, mouth);
    this.place = Object.fromEntries(names.map((name, i) => [name, i]));
    const columns = (list) => list.filter((name) => name in this.place).map((name) => this.place[name]);
    this.parting = columns(mouth.parting);
    this.lowering = columns(mouth.lowering);
    this.opening = columns(["jawOpen", "mouthClose", ...mouth.parting]);
    this.jaw = this.place.jawOpen;
    this.shut = this.place.mouthClose;
    this.others = this.gap ? this.gap.shapes.flatMap((part, k) => (part > 0 && k !== this.jaw ? [k] : [])) : [];
    this.whole = ["jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthRollLower"].every((name) => name in this.place);
    this.closes = this.whole && this.parting.length === mouth.parting.length && Boolean(this.gap) && this.gap.shapes[this.shut] < 0 && this.gap.shapes[this.jaw] > 0;
  }

  /** Lips at least so round: least mouthPucker and mouthFunnel. What the funnel parts is taken from the jaw. */
  round(weights, goals) {
    if (!this.whole) return;
    let more = 0;
    ["mouthPucker", "mouthFunnel"].forEach((name, i) => {
      const k = this.place[name];
      const raised = Math.max(weights[k], goals[i]);
      if (this.gap) more += (raised - weights[k]) * this.gap.shapes[k];
      weights[k] = raised;
    });
    if (!this.gap) return;
    const room = Math.max(weights[this.jaw] - weights[this.shut], 0);
    weights[this.jaw] -= clamp(more / Math.max(this.gap.shapes[this.jaw], 1e-6), 0, room);
  }

  /** The lower lip at the upper teeth by `level`. */
  bite(weights, level) {
    if (!this.lip || !this.whole) return;
    for (const [name, least] of Object.entries(this.bitten)) {
      const k = this.place[name];
      if (k !== undefined) weights[k] += level * Math.max(least - weights[k], 0);
    }
    for (const k of this.lowering) weights[k] *= 1 - level;
    const { shapes, rest } = this.lip;
    if (!(shapes[this.jaw] < 0 && shapes[this.shut] > 0)) return;
    const low = () => level * Math.max(-(dot(weights, shapes) + rest), 0);
    const room = Math.max(weights[this.jaw] - weights[this.shut], 0);
    weights[this.shut] += Math.min(low() / shapes[this.shut], room);
    weights[this.jaw] -= Math.min(low() / -shapes[this.jaw], weights[this.jaw]);
  }

  /** At least so much tongueOut, and teeth that part for /th/. */
  putOut(weights, [out, dental]) {
    if (!("tongueOut" in this.place)) return;
    for (const [name, least] of [["tongueOut", out], ...Object.entries(this.shown).map(([n, x]) => [n, x * dental])]) {
      const k = this.place[name];
      if (k !== undefined) weights[k] = Math.max(weights[k], least);
    }
  }

  /** Lips shut by `level`. */
  close(weights, level) {
    if (!this.closes || !level) return;
    const { shapes, rest } = this.gap;
    for (const k of this.parting) weights[k] *= 1 - level;
    const wide = () => Math.max(dot(weights, shapes) + rest + this.press, 0);
    const room = Math.max(weights[this.jaw] - weights[this.shut], 0);
    weights[this.shut] += Math.min((level * wide()) / -shapes[this.shut], room);
    weights[this.jaw] -= Math.min((level * wide()) / shapes[this.jaw], weights[this.jaw]);
    let parts = 0;
    for (const k of this.others) parts += weights[k] * shapes[k];
    if (!(parts > 0)) return;
    const left = level * clamp(dot(weights, shapes) + rest + this.press, 0, parts);
    for (const k of this.others) weights[k] *= 1 - left / parts;
  }

  /** Jaw and lips at rest by `level`. */
  rest(weights, level) {
    if (!level) return;
    for (const k of this.opening) weights[k] *= 1 - level;
    this.close(weights, level);
  }

  /** Metres by which tip and body of the tongue are raised beside what the jaw does. */
  lift(weights, [, , speech, tip, body]) {
    if (!this.tip) return new Float32Array(2);
    const carried = dot(weights, this.tip) * speech;
    return Float32Array.of(clamp(tip - carried, ...this.reach), clamp(body - carried / 2, ...this.reach));
  }
}
