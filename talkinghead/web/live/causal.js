// Filters of a stream, a row at a time: `streaming.causal` and `streaming.pauses` of the Python package.
import { clamp, ease } from "./mouth.js";

/** The last `count` rows and the one of the moment, the earliest first; 0 before the first. */
export class Past {
  constructor(count, width) {
    this.rows = Array.from({ length: count + 1 }, () => new Float64Array(width));
  }

  push(row) {
    this.rows.shift();
    this.rows.push(Float64Array.from(row));
    return this.rows;
  }
}

/** A mean of the last rows by weights that sum to 1, that of the earliest row first. */
export class Fir {
  constructor(weights, width) {
    this.weights = weights;
    this.past = new Past(weights.length - 1, width);
  }

  push(row) {
    const out = new Float64Array(row.length);
    this.past.push(row).forEach((one, i) => one.forEach((value, k) => (out[k] += this.weights[i] * value)));
    return out;
  }
}

/** A degree in [0, 1] that rises or falls by so much in each row. */
export class Ramp {
  constructor({ up, down }, level) {
    Object.assign(this, { up, down, level });
  }

  toward(one) {
    this.level = clamp(this.level + (one ? this.up : -this.down));
    return this.level;
  }
}

/** A breath in and a breath out, which last for some rows to come. sigh: the seconds and draws of `talker.json`. */
export class Sigh {
  constructor(sigh, fps) {
    Object.assign(this, { sigh, fps });
    this.rows = Array.from({ length: sigh.rows }, () => [0, 0]);
    this.drawn = 0;
    this.free = false;
  }

  // quiet: seconds since the last voice, 0 while it lasts, null before the first. sad: what is felt now.
  next(began, quiet, sad) {
    if (began) this.rows.forEach((row, i) => row.forEach((x, k) => (row[k] = x * Math.max(0, 1 - (i + 1) / this.fps / this.sigh.fade))));
    if (quiet === 0) this.free = true;
    else if (this.free && (quiet ?? 0) > this.sigh.wait) {
      this.free = false;
      const [chance, depth] = this.sigh.draws[this.drawn++ % this.sigh.draws.length];
      if (chance <= this.sigh.chance && sad > 0) this.begin(depth);
    }
    this.rows.push([0, 0]);
    return this.rows.shift().map((x) => x * clamp(sad));
  }

  begin(depth) {
    this.sigh.breaths.forEach(({ wait, lasts, rises }, column) => {
      const first = Math.round(wait * this.fps);
      for (let i = 0; i < Math.max(1, Math.floor(lasts * this.fps)) && first + i < this.rows.length; i++) {
        const phase = (i + 1) / this.fps / lasts;
        this.rows[first + i][column] += depth * Math.min(ease(phase / rises), 1 - ease((phase - rises) / (1 - rises)));
      }
    });
  }
}
