// From the rows of the network to frames: `streaming.layers` of the Python package, a row of 20 ms at a time, without what a
// face does beside its words (`idle` of 0 there). Numbers and tables are in `about`, which Python wrote.
import { Fir, Past, Ramp, Sigh } from "./causal.js";
import { Expression } from "./expression.js";
import { Mouth, clamp, ease, smoothstep } from "./mouth.js";

const BILABIAL = 0; // columns of what is heard
const SILENCE = 1;
const LABIODENTAL = 2;
const ROUND = 3;
const TONGUE = 5;

/** What is felt in each row: what is asked for, which may change. */
export class Feeling {
  constructor(felt, { change, fps, offset }) {
    Object.assign(this, { change, fps, offset, steps: [[-Infinity, felt]], any: felt.some((x) => x > 0) });
  }

  time(row) {
    return (row + 0.5) / this.fps + this.offset;
  }

  set(felt, row) {
    const start = this.time(row);
    this.steps = this.steps.filter(([begin]) => begin < start);
    this.steps.push([start, felt]);
    this.any ||= felt.some((x) => x > 0);
  }

  at(row) {
    const time = this.time(row);
    while (this.steps.length > 1 && time >= this.steps[1][0] + this.change) this.steps.shift();
    let out = this.steps[0][1];
    for (const [start, felt] of this.steps.slice(1)) {
      const share = ease((time - start) / this.change);
      out = out.map((x, i) => x + share * (felt[i] - x));
    }
    return out;
  }
}

/** Phrases of a voice by the probability of silence. */
class Voice {
  constructor({ silent, word, pause }, fps) {
    Object.assign(this, { silent, fps, word: word * fps, pause: pause * fps, row: 0, sounds: 0, last: -1, phrase: false });
  }

  // Whether a phrase begins; seconds since the last one's voice, 0 while it lasts, null before the first.
  follow(silence) {
    const speaks = silence < this.silent;
    let began = false;
    this.sounds = speaks ? this.sounds + 1 : 0;
    if (speaks && (this.phrase || this.sounds >= this.word)) {
      began = !this.phrase;
      this.phrase = true;
      this.last = this.row;
    } else if (this.phrase && this.row - this.last >= this.pause) this.phrase = false;
    this.row++;
    return [began, this.last < 0 ? null : this.phrase ? 0 : (this.row - 1 - this.last) / this.fps];
  }
}

/** Faster and larger motion of the lower face. */
class Variance {
  constructor({ gain, share, follow, still, lower }) {
    Object.assign(this, { gain, share, follow, still, lower, count: lower.reduce((a, b) => a + b, 0), extent: 0, slow: null });
  }

  push(weights) {
    this.slow ??= Float64Array.from(weights);
    let square = 0;
    const departs = weights.map((value, k) => {
      this.slow[k] += this.share * (value - this.slow[k]);
      const apart = this.lower[k] ? value - this.slow[k] : 0;
      square += apart * apart;
      return apart;
    });
    this.extent += this.follow * (square / this.count - this.extent);
    const speaks = smoothstep(Math.sqrt(this.extent) / this.still);
    return speaks ? weights.map((value, k) => clamp(value + this.gain * speaks * departs[k])) : weights;
  }
}

/** The mouth in pauses: it rests where silence lasts; anger presses the lips, sadness sighs. */
class Pauses {
  constructor(about) {
    const { rest, press, sigh, fps } = about;
    Object.assign(this, { rest, press, resting: new Ramp(rest, 1), pressing: new Ramp(press, 0), sigh: new Sigh(sigh, fps) });
    this.quiet = Infinity; // rows of sure silence
  }

  still(silence) {
    this.quiet = silence > this.rest.sure ? this.quiet + 1 : 0;
    return smoothstep(this.resting.toward(this.quiet > this.rest.least));
  }

  // Weights with lips pressed and sighs by what is felt.
  show(weights, mouth, [began, quiet], felt) {
    const { shapes, angry, sad, least } = this.press;
    const press = smoothstep(this.pressing.toward((quiet ?? 0) > least)) * clamp(felt[angry]);
    const [drawn, out] = this.sigh.next(began, quiet, felt[sad]);
    if (!press && !drawn && !out) return;
    mouth.rest(weights, press);
    for (let k = 0; k < weights.length; k++) {
      weights[k] = Math.max(weights[k], shapes.pressed[k] * press);
      weights[k] += (shapes.drawn[k] * drawn + shapes.sighed[k] * out) * (1 - weights[k]);
    }
  }
}

/** Rows of a stream. gains: see `Settings` in index.d.ts. */
export class Layers {
  constructor(about, gains) {
    const { layers } = about;
    Object.assign(this, { about, layers, gains });
    const { articulation = 1, lowerFace = 1, expressiveness = 1 } = gains;
    this.moving = Math.min(1, articulation * lowerFace);
    this.expressed = expressiveness;
    this.pressed = Math.min(1, expressiveness * lowerFace);
    this.mouth = new Mouth(about);
    this.expression = new Expression(about);
    this.variance = new Variance(layers.variance);
    this.voice = new Voice(layers.voice, about.fps);
    this.pauses = new Pauses({ ...layers, fps: about.fps });
    this.heard = new Past(layers.ahead, layers.heard[0].length);
    this.goals = new Past(layers.held, 2);
    this.round = new Fir(layers.round, 2);
    this.tongue = new Fir(layers.tongue, 5);
    this.felt = new Past(layers.ahead, about.emotions.length);
  }

  /**
   * (P,) probabilities of phonemes, two (K',) motions, without and with the emotion, of a row that is `ahead` rows earlier, and what is felt with the phonemes ->
   * weights and tongue of that row; null before there is motion.
   */
  row(number, posteriors, motion, felt, emotional) {
    const { layers, mouth } = this;
    const heard = layers.heard[0].map((_, c) => layers.heard.reduce((sum, row, p) => sum + posteriors[p] * row[c], 0));
    const voice = this.voice.follow(heard[SILENCE]);
    const now = this.felt.push(felt)[0];
    const at = this.heard.push(heard)[0];
    const goals = this.goals.push(heard.slice(ROUND, TONGUE));
    const round = this.round.push([0, 1].map((i) => Math.max(...goals.map((goal) => goal[i]))));
    const tongue = this.tongue.push(heard.slice(TONGUE));
    const rest = this.pauses.still(heard[SILENCE]);
    if (number < layers.ahead) return null;
    const neutral = this.scattered(motion[0]);
    const change = new Float32Array(neutral.length);
    if (emotional) {
      const whole = this.scattered(motion[1]);
      change.forEach((_, k) => (change[k] = whole[k] - neutral[k]));
      this.expression.whole(change, neutral, now);
    }
    const weights = this.expression.gains(this.variance.push(neutral), change, this.gains);
    mouth.round(weights, round.map((goal) => this.moving * goal));
    mouth.bite(weights, this.moving * this.level(at[LABIODENTAL]));
    mouth.putOut(weights, tongue.map((goal) => this.moving * goal));
    mouth.close(weights, this.level(at[BILABIAL]));
    mouth.rest(weights, rest * (1 - clamp(this.expressed * now.reduce((a, b) => a + b, 0))));
    if (emotional) this.pauses.show(weights, mouth, voice, now.map((x) => x * this.pressed));
    return { weights, tongue: mouth.lift(weights, tongue.map((goal) => this.moving * goal)) };
  }

  level(probability) {
    const { doubt, sure } = this.layers.closure;
    return smoothstep((probability - doubt) / (sure - doubt));
  }

  // Weights of the network's shapes as those of the head's.
  scattered(motion) {
    const out = new Float32Array(this.about.names.length);
    this.layers.columns.forEach((column, k) => (out[column] = motion[k]));
    return out;
  }
}

/** Rows, of which row i is at (i + 0.5) / 50 + offset seconds -> frames between them, as soon as they can be known. */
export class FrameClock {
  constructor(fps, { fps: rowFps, offset }) {
    Object.assign(this, { fps, rowFps, offset, held: null, count: 0, made: 0 });
  }

  frames(row) {
    const known = this.held ? [this.held, row] : [row];
    const first = this.count - (known.length - 1);
    this.count++;
    this.held = row;
    const out = [];
    for (;;) {
      const time = (this.made + 0.5) / this.fps;
      const place = Math.max(0, (time - this.offset) * this.rowFps - 0.5 - first);
      const low = Math.floor(place);
      const share = place - low;
      if (low + (share > 0 ? 1 : 0) >= known.length) return out;
      const between = (name) =>
        Float32Array.from(known[low][name], (x, k) => (share ? x * (1 - share) + known[low + 1][name][k] * share : x));
      out.push({ time, weights: between("weights"), tongue: between("tongue") });
      this.made++;
    }
  }
}
