// Frames on the clock of a page: they come in bursts, and are shown evenly, a little later.

/** Frames of a stream that begins at `begin` seconds of a clock, shown `delay` seconds after their sound. */
export class Playout {
  constructor(begin, delay) {
    Object.assign(this, { begin, delay, frames: [] });
  }

  push(frames) {
    this.frames.push(...frames);
  }

  /** Seconds from the newest frame to the one that is due: below 0, frames come too late. */
  ahead(now) {
    return this.frames.length ? this.frames.at(-1).time - (now - this.begin - this.delay) : -Infinity;
  }

  /** The frame at a time of the clock, between the two around it; null before the first. Older ones are forgotten. */
  at(now) {
    const time = now - this.begin - this.delay;
    const { frames } = this;
    while (frames.length > 1 && frames[1].time <= time) frames.shift();
    if (!frames.length || frames[0].time > time) return null;
    if (frames.length < 2) return frames[0];
    const [low, high] = frames;
    const share = (time - low.time) / (high.time - low.time);
    const between = (a, b) => a.map((value, i) => value + share * (b[i] - value));
    const frame = { time, weights: between(low.weights, high.weights) };
    for (const name of ["rotation", "tongue"]) if (low[name] && high[name]) frame[name] = between(low[name], high[name]);
    return frame;
  }
}
