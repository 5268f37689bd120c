// An emotion over time, drawn over the wave of a voice: for each emotion POINTS levels from 0 to 1, together at most 1.
const POINTS = 96;
const COLOURS = {
  happy: "#ffcf5c", sad: "#6ea8ff", surprised: "#c792ff", fearful: "#8fd3c8", disgusted: "#9ccc65", angry: "#ff6e6e", contempt: "#d9a679",
};

class Curve {
  constructor(canvas, emotions, changed) {
    Object.assign(this, { canvas, emotions, changed, brush: emotions[0], peaks: [], seconds: 1, auto: false, cursor: -1 });
    this.levels = Object.fromEntries(emotions.map((name) => [name, new Float32Array(POINTS)]));
    let last = null;
    const go = (event) => {
      const box = canvas.getBoundingClientRect();
      const place = Math.min(Math.max(Math.round(((event.clientX - box.left) / box.width) * (POINTS - 1)), 0), POINTS - 1);
      const level = Math.min(Math.max(1 - (event.clientY - box.top - 8) / (box.height - 16), 0), 1);
      const from = last ?? { place, level };
      for (let i = Math.min(place, from.place); i <= Math.max(place, from.place); i++) {
        const share = place === from.place ? 1 : (i - from.place) / (place - from.place);
        this.put(i, from.level + share * (level - from.level));
      }
      last = { place, level };
      this.auto = false;
      this.draw();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = null;
      go(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && go(event));
    canvas.addEventListener("pointerup", () => ((last = null), this.changed()));
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  put(place, level) {
    this.levels[this.brush][place] = level;
    const others = this.emotions.filter((name) => name !== this.brush);
    const rest = others.reduce((sum, name) => sum + this.levels[name][place], 0);
    if (rest > 1 - level) for (const name of others) this.levels[name][place] *= (1 - level) / rest;
  }

  // The arrows: left and right along the time, up and down change a stretch around the cursor.
  key(event) {
    const side = { ArrowLeft: -3, ArrowRight: 3 }[event.key];
    const up = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (!side && !up) return;
    event.preventDefault();
    this.cursor = Math.min(Math.max(this.cursor + (side ?? 0), 0), POINTS - 1);
    for (let i = 0; up && i < POINTS; i++) {
      const share = Math.exp(-(((i - this.cursor) / 6) ** 2));
      if (share > 0.02) this.put(i, Math.min(Math.max(this.levels[this.brush][i] + up * share, 0), 1));
    }
    if (up) this.auto = false;
    this.canvas.setAttribute("aria-valuenow", this.levels[this.brush][this.cursor].toFixed(2));
    this.draw();
    this.changed();
  }

  clear() {
    for (const name of this.emotions) this.levels[name].fill(0);
    this.auto = false;
    this.draw();
  }

  flat(name, level) {
    this.clear();
    this.levels[name].fill(level);
    this.draw();
  }

  // Whether it is more than one level of one emotion.
  get drawn() {
    const used = this.emotions.filter((name) => this.levels[name].some((level) => level > 0.005));
    return used.length > 1 || used.some((name) => this.levels[name].some((level) => level !== this.levels[name][0]));
  }

  // As the server takes it: a word, or keyframes.
  get emotion() {
    if (this.auto) return "auto";
    const used = this.emotions.filter((name) => this.levels[name].some((level) => level > 0.005));
    if (!used.length) return "neutral";
    if (!this.drawn) return `${used[0]}:${this.levels[used[0]][0].toFixed(2)}`;
    return Array.from({ length: POINTS / 2 + 1 }, (_, i) => {
      const place = Math.min(2 * i, POINTS - 1);
      const key = { time: Number(((place / (POINTS - 1)) * this.seconds).toFixed(3)) };
      for (const name of used) key[name] = Number(this.levels[name][place].toFixed(3));
      return key;
    });
  }

  // The moment that shows most, as a voice that is not recorded has no other.
  get strongest() {
    if (this.auto) return "neutral";
    const sums = Array.from({ length: POINTS }, (_, i) => this.emotions.reduce((sum, name) => sum + this.levels[name][i], 0));
    const place = sums.indexOf(Math.max(...sums));
    const felt = this.emotions.filter((name) => this.levels[name][place] > 0.005);
    return felt.map((name) => `${name}:${this.levels[name][place].toFixed(2)}`).join() || "neutral";
  }

  get words() {
    const { emotion } = this;
    if (typeof emotion === "string") return emotion.replace(":", " ");
    return this.emotions.filter((name) => this.levels[name].some((level) => level > 0.05)).join(" → ");
  }

  draw() {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth * scale, this.canvas.clientHeight * scale];
    if (!width || !height) return;
    Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "rgba(255,255,255,.16)";
    const wide = width / Math.max(this.peaks.length, 1);
    this.peaks.forEach((peak, i) => {
      const tall = Math.max((peak / 100) * height * 0.8, scale);
      pen.fillRect(i * wide, (height - tall) / 2, Math.max(wide * 0.6, 1), tall);
    });
    if (this.auto) {
      pen.fillStyle = "rgba(255,255,255,.75)";
      pen.font = `${13 * scale}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.fillText("heard from the voice", width / 2, height / 2 + 4 * scale);
      return;
    }
    const x = (i) => (i / (POINTS - 1)) * width;
    const y = (level) => 8 * scale + (1 - level) * (height - 16 * scale);
    for (const name of this.emotions) {
      const levels = this.levels[name];
      if (!levels.some((level) => level > 0.005)) continue;
      pen.beginPath();
      levels.forEach((level, i) => (i ? pen.lineTo(x(i), y(level)) : pen.moveTo(x(0), y(level))));
      pen.strokeStyle = COLOURS[name] ?? "#fff";
      pen.lineWidth = (name === this.brush ? 3 : 2) * scale;
      pen.lineJoin = "round";
      pen.stroke();
      pen.lineTo(width, height);
      pen.lineTo(0, height);
      pen.globalAlpha = 0.16;
      pen.fillStyle = pen.strokeStyle;
      pen.fill();
      pen.globalAlpha = 1;
    }
    if (this.cursor >= 0 && document.activeElement === this.canvas) {
      pen.fillStyle = "rgba(255,255,255,.6)";
      pen.fillRect(x(this.cursor), 0, scale, height);
    }
  }
}
