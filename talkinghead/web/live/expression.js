// An emotion in one frame: `models.emotion_input` and `motion.controls` of the Python package, whose tables are in `about`.
import { clamp, smoothstep } from "./mouth.js";

export class Expression {
  constructor({ names, expression }) {
    Object.assign(this, expression);
    this.count = names.length;
  }

  /** (E,) intensities, of neutral first, as the network takes them: those of all others, and their products with the manner. */
  input(felt) {
    const intensity = Array.from(felt).slice(1);
    return Float32Array.from([...intensity, ...intensity.flatMap((x) => this.manner.map((y) => x * y))]);
  }

  /** What an emotion changes, in place: at least what is authored of brows, lids and the corners of the mouth. */
  whole(change, neutral, felt) {
    if (!this.authored) return;
    const shown = Array.from(felt).slice(1).map((x) => clamp(x) * (this.growth - (this.growth - 1) * clamp(x)));
    const rounded = this.rounding.reduce((sum, k) => sum + neutral[k], 0);
    const free = 1 - this.spreadCut * smoothstep(rounded / this.rounded);
    for (const k of this.least) {
      let posed = 0;
      for (let e = 0; e < shown.length; e++) posed += shown[e] * this.authored[e][k];
      posed = Math.min(posed, 1) * (1 - clamp(neutral[k])) * (this.spread[k] ? free : 1);
      if (posed > Math.max(change[k], 0)) change[k] = posed;
    }
  }

  /** Weights in [0, 1] of neutral motion and what an emotion changes, each times its gain. Blinks and gaze are left out. */
  gains(neutral, change, { expressiveness = 1, articulation = 1, upperFace = 1, lowerFace = 1 }) {
    const out = new Float32Array(this.count);
    for (let k = 0; k < out.length; k++) {
      const upper = this.upper[k];
      const speech = this.still[k] ? 0 : (upper ? 1 : articulation) * clamp(neutral[k]);
      const felt = this.gaze[k] ? 0 : this.lids[k] ? Math.min(change[k], this.droop) : change[k];
      out[k] = clamp((upper ? upperFace : lowerFace) * (speech + expressiveness * felt));
    }
    return out;
  }
}
