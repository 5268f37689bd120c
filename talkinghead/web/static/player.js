// The clock, which follows the sound where there is one, and everything that a visitor can press.
const $ = (name) => document.getElementById(name);
const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const COLOURS = ["#ffb454", "#7cd5ff", "#ff8fa3", "#a5e887", "#c9a7ff", "#ffe27a"];
const STEP = 1; // seconds that an arrow key goes

class Player {
  constructor(stage, motion, options) {
    Object.assign(this, { stage, motion, options, time: 0, speed: 1, loop: false, playing: false, seeking: false });
    this.about = motion.about;
    this.sound = options.sound ? $("sound") : null;
    this.duration = options.duration;
    this.last = performance.now();
    this.timeline = new Timeline(this);
    this.listen();
    new ResizeObserver(() => this.resize()).observe($("stage"));
    this.resize();
    requestAnimationFrame(() => this.tick());
  }

  resize() {
    const { clientWidth, clientHeight } = $("stage");
    if (clientWidth && clientHeight) this.stage.resize(clientWidth, clientHeight);
    this.timeline.resize();
    this.stale = true;
  }

  tick() {
    const now = performance.now();
    if (this.playing) {
      this.advance((now - this.last) / 1000);
      this.stage.spare((now - this.last) / 1000);
    } else if (this.stage.setRatio(this.stage.full)) {
      this.stale = true;
    }
    this.last = now;
    if (this.stage.controls.update()) this.stale = true;
    if (this.playing || this.stale) this.draw();
    requestAnimationFrame(() => this.tick());
  }

  draw() {
    this.stale = false;
    this.stage.draw(this.time, this.shown);
    this.timeline.draw();
  }

  // A sound's own time moves in steps in some browsers: between them the clock runs on, and comes back slowly.
  advance(passed) {
    this.time += passed * this.speed;
    if (this.sound && !this.sound.ended && this.sound.currentTime > 0) {
      const apart = this.sound.currentTime - this.time;
      this.time = Math.abs(apart) > 0.12 ? this.sound.currentTime : this.time + 0.1 * apart;
    }
    if (this.time < this.duration) return;
    this.time = this.duration;
    if (this.loop) return void this.seek(0).then(() => this.play());
    this.pause();
  }

  async play() {
    if (this.time >= this.duration - 0.01) this.seek(0);
    this.shown = null;
    this.playing = true;
    this.last = performance.now();
    $("big").hidden = true;
    if (this.sound) {
      this.sound.currentTime = Math.min(this.time, this.sound.duration || this.time);
      this.sound.playbackRate = this.speed;
      await this.sound.play().catch(() => {}); // a browser that wants a press first shows the face without sound
    }
    this.changed();
  }

  pause() {
    this.playing = false;
    this.sound?.pause();
    this.changed();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  async seek(time) {
    this.time = Math.min(Math.max(time, 0), this.duration);
    if (this.sound) this.sound.currentTime = this.time;
    this.changed();
  }

  // To the middle of another frame, where the picture is that frame itself.
  step(frames) {
    this.pause();
    const frame = Math.round(this.time * this.about.fps - 0.5) + frames;
    this.seek((Math.min(Math.max(frame, 0), this.about.frames - 1) + 0.5) / this.about.fps);
  }

  faster(places) {
    const place = SPEEDS.indexOf(this.speed) + places;
    this.setSpeed(SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)]);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.sound) this.sound.playbackRate = speed;
    $("speed").value = String(speed);
  }

  look(name) {
    this.stage.look(name);
    this.stale = true;
    for (const button of $("views").children) button.setAttribute("aria-pressed", button.dataset.view === name);
  }

  // A frame from elsewhere in place of the motion; null for the motion.
  put(frame) {
    if (frame && frame.weights?.length !== this.about.names.length) return;
    if (this.playing) this.pause();
    $("big").hidden = true;
    this.shown = frame;
    this.stale = true;
  }

  changed() {
    this.stale = true;
    document.body.classList.toggle("playing", this.playing);
    $("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
    if (window.parent !== window) {
      const state = { time: this.time, playing: this.playing, duration: this.duration };
      window.parent.postMessage({ talkinghead: "state", ...state }, "*");
    }
  }

  listen() {
    const press = (name, act) => $(name).addEventListener("click", act);
    press("play", () => this.toggle());
    press("big", () => this.play());
    press("help", () => $("keys").toggleAttribute("hidden"));
    press("keys", () => ($("keys").hidden = true));
    press("curves", () => this.toggleCurves());
    press("loop", () => this.toggleLoop());
    press("full", () => this.toggleFull());
    if (this.sound) press("mute", () => this.toggleMute());
    else $("mute").hidden = true;
    if (!document.fullscreenEnabled) $("full").hidden = true;
    $("speed").addEventListener("change", (event) => this.setSpeed(Number(event.target.value)));
    for (const button of $("views").children) button.addEventListener("click", () => this.look(button.dataset.view));
    this.stage.controls.addEventListener("start", () => {
      for (const button of $("views").children) button.setAttribute("aria-pressed", false);
    });
    window.addEventListener("keydown", (event) => this.key(event));
    for (const kind of ["pointerdown", "keydown"]) {
      window.addEventListener(kind, () => window.parent.postMessage({ talkinghead: "touched" }, "*"), true);
    }
    window.addEventListener("message", ({ data, source }) => {
      if (source !== window.parent || source === window) return;
      if (data?.talkinghead === "play") this.play();
      if (data?.talkinghead === "pause") this.pause();
      if (data?.talkinghead === "frame") this.put(data.frame);
      if (data?.talkinghead === "seek") this.seek(Number(data.time) || 0);
      if (data?.talkinghead === "mute" && this.sound) this.setMute(Boolean(data.muted));
    });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const acts = {
      " ": () => this.toggle(), k: () => this.toggle(), ArrowLeft: () => this.seek(this.time - STEP),
      ArrowRight: () => this.seek(this.time + STEP), ",": () => this.step(-1), ".": () => this.step(1), Home: () => this.seek(0),
      End: () => this.seek(this.duration), "<": () => this.faster(-1), ">": () => this.faster(1), 1: () => this.look("front"),
      2: () => this.look("three-quarter"), 3: () => this.look("side"), c: () => this.toggleCurves(), l: () => this.toggleLoop(),
      m: () => this.toggleMute(), f: () => this.toggleFull(), "?": () => $("keys").toggleAttribute("hidden"),
      Escape: () => ($("keys").hidden = true),
    };
    if (!(event.key in acts)) return;
    if (event.key === " " && event.target.closest("button") && event.target.id !== "play") return; // it presses that button
    event.preventDefault();
    acts[event.key]();
  }

  toggleCurves() {
    $("curves").setAttribute("aria-pressed", document.body.classList.toggle("curves"));
    this.resize();
  }

  toggleLoop() {
    this.loop = !this.loop;
    $("loop").setAttribute("aria-pressed", this.loop);
  }

  toggleMute() {
    if (this.sound) this.setMute(!this.sound.muted);
  }

  setMute(muted) {
    this.sound.muted = muted;
    $("mute").setAttribute("aria-pressed", muted);
  }

  toggleFull() {
    if (!document.fullscreenEnabled) return;
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen().catch(() => {});
  }
}

// The sound's wave and the curves of a few shapes over time; a press goes there.
class Timeline {
  constructor(player) {
    Object.assign(this, { player, canvas: $("timeline"), about: player.about, peaks: player.options.peaks });
    this.curves = this.chosen();
    this.addChips();
    let held = false;
    const go = (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      player.seek(((event.clientX - left) / width) * player.duration);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      held = true;
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => held && go(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (held = false));
  }

  // Curves that say most of a face, or those that move most.
  chosen() {
    const { names, frames } = this.about;
    const { coefficients } = this.player.motion;
    const pick = (label, ...shapes) => {
      const columns = shapes.map((shape) => names.indexOf(shape)).filter((column) => column >= 0);
      if (!columns.length) return null;
      const values = Float32Array.from({ length: frames }, (_, t) => {
        return columns.reduce((sum, column) => sum + coefficients[t * names.length + column], 0) / columns.length;
      });
      return { label, values, shapes, shown: true };
    };
    const known = [
      pick("jaw open", "jawOpen"), pick("funnel", "mouthFunnel"), pick("smile", "mouthSmileLeft", "mouthSmileRight"),
      pick("inner brows", "browInnerUp"), pick("blink", "eyeBlinkLeft", "eyeBlinkRight"),
    ].filter((curve) => curve && curve.values.some((value) => Math.abs(value) > 0.02));
    if (known.length) return known;
    const reach = names.map((name, k) => {
      let [least, most] = [Infinity, -Infinity];
      for (let t = 0; t < frames; t++) {
        least = Math.min(least, coefficients[t * names.length + k]);
        most = Math.max(most, coefficients[t * names.length + k]);
      }
      return [most - least, name];
    });
    return reach.filter(([size]) => size > 0).sort((a, b) => b[0] - a[0]).slice(0, 5).map(([, name]) => pick(name, name));
  }

  addChips() {
    this.curves.forEach((curve, i) => {
      const chip = document.createElement("button");
      chip.className = "chip";
      chip.title = curve.shapes.join(", ");
      chip.style.setProperty("--colour", COLOURS[i % COLOURS.length]);
      chip.setAttribute("aria-pressed", "true");
      chip.append(Object.assign(document.createElement("span"), { textContent: curve.label }), document.createElement("output"));
      chip.addEventListener("click", () => {
        curve.shown = !curve.shown;
        chip.setAttribute("aria-pressed", curve.shown);
        this.wave = null;
        this.player.stale = true;
      });
      curve.output = chip.lastChild;
      $("chips").append(chip);
    });
  }

  resize() {
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.scale = scale;
    this.wave = null;
  }

  // What does not move is drawn once, in grey and in full light.
  paint(dim) {
    const { width, height } = this.canvas;
    const sheet = Object.assign(document.createElement("canvas"), { width, height });
    const pen = sheet.getContext("2d");
    const middle = height / 2;
    pen.fillStyle = dim ? "rgba(255,255,255,.2)" : "rgba(255,255,255,.5)";
    const wide = 3 * this.scale;
    for (let x = 0; this.peaks.length && x < width; x += wide) {
      const peak = this.peaks[Math.floor((x / width) * this.peaks.length)] / 255;
      const tall = Math.max(peak * height * 0.86, this.scale);
      pen.beginPath();
      pen.roundRect(x, middle - tall / 2, wide * 0.6, tall, wide * 0.3);
      pen.fill();
    }
    if (!document.body.classList.contains("curves")) return sheet;
    this.curves.forEach((curve, i) => {
      if (!curve.shown) return;
      pen.strokeStyle = COLOURS[i % COLOURS.length];
      pen.globalAlpha = dim ? 0.55 : 1;
      pen.lineWidth = 1.6 * this.scale;
      pen.lineJoin = "round";
      pen.beginPath();
      curve.values.forEach((value, t) => {
        const x = ((t + 0.5) / this.about.fps / this.player.duration) * width;
        const y = height * (0.95 - 0.9 * Math.min(Math.max(value, 0), 1));
        t ? pen.lineTo(x, y) : pen.moveTo(x, y);
      });
      pen.stroke();
    });
    return sheet;
  }

  draw() {
    const { canvas, player } = this;
    if (!canvas.width || !canvas.height) return;
    this.wave ??= [this.paint(true), this.paint(false)];
    const pen = canvas.getContext("2d");
    const at = (player.time / player.duration) * canvas.width;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(this.wave[0], 0, 0);
    if (at >= 1) pen.drawImage(this.wave[1], 0, 0, at, canvas.height, 0, 0, at, canvas.height);
    pen.fillStyle = "#ffb454";
    pen.fillRect(Math.min(Math.max(at - this.scale, 0), canvas.width - 2 * this.scale), 0, 2 * this.scale, canvas.height);
    const frame = Math.round(player.time * this.about.fps - 0.5);
    for (const curve of this.curves) {
      const value = curve.values[Math.min(Math.max(frame, 0), this.about.frames - 1)];
      curve.output.textContent = value.toFixed(2);
    }
    const told = `${clock(player.time)} / ${clock(player.duration)}`;
    if (canvas.getAttribute("aria-valuetext") !== told) {
      $("now").textContent = clock(player.time);
      $("total").textContent = ` / ${clock(player.duration)}`;
      canvas.setAttribute("aria-valuenow", player.time.toFixed(2));
      canvas.setAttribute("aria-valuetext", told);
    }
  }
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

async function start() {
  document.body.classList.toggle("embedded", location.hash === "#embedded"); // what is around it has a heading of its own
  const text = (name) => $(name).textContent;
  try {
    if (!("DecompressionStream" in window)) throw new Error("this browser is too old: it needs one of 2023 or later");
    const code = new TextDecoder().decode(await inflate(text("three")));
    document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
    const { about, arrays } = unpack(await inflate(text("motion")));
    const stage = new Stage($("canvas"), about);
    const motion = { about, ...arrays };
    if ($("character")) await stage.addCharacter(await inflate(text("character")));
    else await stage.addFace(new Face({ about, arrays }));
    const player = new Player(stage, motion, about.options);
    $("timeline").setAttribute("aria-valuemax", about.options.duration.toFixed(2));
    document.body.classList.add("ready");
    return player;
  } catch (error) {
    const message = /webgl/i.test(error.message) ? "this browser has no WebGL, which 3D needs" : error.message;
    $("failed").textContent = `The head cannot be shown: ${message}.`;
    $("failed").hidden = false;
    throw error;
  }
}
window.talkinghead = start();
