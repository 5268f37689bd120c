// The demo's page: what a visitor chooses, what the server makes of it, and the heads that speak.
const $ = (name) => document.getElementById(name);
const LABELS = {
  expressiveness: ["Expressiveness", 0, 2.5], articulation: ["Articulation", 0, 2.5], upper_face: ["Upper face", 0, 2], lower_face: ["Lower face", 0, 2],
  head_motion: ["Head motion", 0, 2], blinks: ["Blinks", 0, 2], gaze: ["Gaze", 0, 2], brows: ["Brows", 0, 2],
};
const state = { sounds: new Map(), sound: null, head: null, kind: "default", slots: [null, null], active: 0, comparing: false, busy: false };
let curve, options;

async function ask(address, body, plain) {
  const how = body === undefined ? {} : { method: "POST", headers: { "X-Talkinghead": "1" }, body: plain ? body : JSON.stringify(body) };
  const answer = await fetch(address, how).catch(() => {
    throw new Error("the demo's program has ended; start it again");
  });
  const content = await answer.json().catch(() => ({ error: `the server says ${answer.status}` }));
  if (content.error) throw new Error(content.error);
  return content;
}

function tell(text, wrong = false) {
  $("told").textContent = text;
  $("told").classList.toggle("wrong", wrong);
}

const guarded = (act) => async (...given) => {
  try {
    return await act(...given);
  } catch (error) {
    tell(error.message, true);
  }
};

const press = (button, on) => button.setAttribute("aria-pressed", on);

// Voices

function addSound(sound) {
  state.sounds.set(sound.id, sound);
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: sound.name, title: `${sound.seconds.toFixed(1)} s` });
  button.dataset.sound = sound.id;
  button.addEventListener("click", () => chooseSound(sound.id));
  $("sounds").append(button);
}

function chooseSound(id) {
  state.sound = id;
  for (const button of $("sounds").children) press(button, button.dataset.sound === id);
  const { peaks, seconds } = state.sounds.get(id);
  Object.assign(curve, { peaks, seconds });
  curve.draw();
  player.pause();
}

async function sendSound(content, name) {
  tell("reading the recording …");
  const sound = await ask(`sound?name=${encodeURIComponent(name)}`, content, true);
  addSound(sound);
  chooseSound(sound.id);
  tell(`${sound.name}: ${sound.seconds.toFixed(1)} s. Press Animate.`);
}

const player = new Audio();
player.addEventListener("pause", () => ($("listen").textContent = "Listen"));
player.addEventListener("play", () => ($("listen").textContent = "Stop"));
$("listen").addEventListener("click", () => {
  if (!player.paused) return player.pause();
  player.src = `sound/${state.sound}`;
  player.play().catch(() => tell("this browser cannot play that file; it can be animated all the same"));
});

let recorder = null;
$("record").addEventListener("click", guarded(async () => {
  if (recorder) return recorder.stop();
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("this browser records only at localhost or over https; choose a file");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => {
    throw new Error("no microphone, or it is not allowed; choose a file");
  });
  const pieces = [];
  recorder = new MediaRecorder(stream);
  const label = $("record").lastChild;
  const began = performance.now();
  const timer = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    label.textContent = `Stop ${seconds.toFixed(0)} s`;
    if (seconds > options.seconds - 0.5) recorder?.stop();
  }, 250);
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  recorder.onstop = guarded(async () => {
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    const kind = recorder.mimeType;
    recorder = null;
    $("record").classList.remove("on");
    label.textContent = "Record";
    await sendSound(new Blob(pieces, { type: kind }), `recording ${state.sounds.size}.${kind.includes("mp4") ? "m4a" : "webm"}`);
  });
  recorder.start();
  $("record").classList.add("on");
}));

// The head that is shown speaks with the visitor.
let speaking = null;
$("speak").addEventListener("click", guarded(async () => {
  if (speaking) return speaking.end();
  const place = state.slots[state.active] ? state.active : 0;
  const made = state.slots[place];
  if (!made) throw new Error("animate a head first");
  const mine = new Speaking({
    frame: (frame) => send(place, "frame", { frame }),
    level: (share) => $("speak").style.setProperty("--level", share.toFixed(2)),
    told: tell,
    ended: () => {
      if (speaking === mine) speaking = null;
      hush(place);
    },
  });
  speaking = mine;
  press($("speak"), true);
  $("speak").lastChild.textContent = "Stop";
  tell("Allow the microphone …");
  player.pause();
  await mine.begin({ result: made.result, emotion: curve.strongest, settings: settings() });
  if (!mine.over) tell(READY);
}));

function hush(place) {
  press($("speak"), false);
  $("speak").lastChild.textContent = "Speak live";
  $("speak").style.removeProperty("--level");
  send(place, "frame", { frame: null });
  if (!$("told").classList.contains("wrong")) tell("");
}

// Heads

function chooseKind(kind) {
  state.kind = kind;
  for (const button of $("kinds").querySelectorAll("button")) press(button, button.dataset.kind === kind);
  $("own").classList.toggle("on", kind === "own");
  $("person").hidden = kind !== "person";
  $("own-note").hidden = kind !== "own";
}

async function sendHead(file) {
  tell("reading the head …");
  const head = await ask(`head?name=${encodeURIComponent(file.name)}`, file, true);
  state.head = head;
  $("own-note").textContent = `${head.name}: ${head.about}`;
  chooseKind("own");
  tell(`${head.name} is ready. Press Animate.`);
}

function chosenHead() {
  if (state.kind === "own") return [{ file: state.head.id }, state.head.name];
  if (state.kind === "default") return [{}, ""];
  const given = { seed: Number($("person-seed").value) || 0, age: Number($("age").value), gender: Number($("gender").value) };
  return [given, `person ${given.seed}, ${given.age}`];
}

const take = guarded(async (file) => {
  const kind = `.${file.name.split(".").at(-1).toLowerCase()}`;
  if (file.size > options.bytes) throw new Error(`${file.name} has more than ${options.bytes >> 20} MB`);
  await (options.heads.includes(kind) ? sendHead(file) : sendSound(file, file.name));
});

for (const name of ["sound-file", "head-file"]) {
  $(name).addEventListener("change", ({ target }) => {
    if (target.files[0]) take(target.files[0]);
    target.value = "";
  });
}
let over = 0;
addEventListener("dragenter", (event) => event.dataTransfer.types.includes("Files") && (over++, ($("drop").hidden = false)));
addEventListener("dragleave", () => over && --over === 0 && ($("drop").hidden = true));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  $("drop").hidden = true;
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});

// Emotion and motion

function addEmotions() {
  const choose = (name) => {
    if (name === "auto") {
      curve.auto = !curve.auto;
    } else {
      curve.auto = false;
      if (!curve.drawn) curve.flat(name, 0.7);
      curve.brush = name;
    }
    showEmotion();
  };
  for (const name of [...options.emotions, "auto"]) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name === "auto" ? "from the voice" : name });
    button.dataset.emotion = name;
    button.style.setProperty("--colour", COLOURS[name] ?? "linear-gradient(135deg, #ffcf5c, #ff6e6e 50%, #6ea8ff)");
    button.addEventListener("click", () => choose(name));
    $("emotions").append(button);
  }
  $("clear").addEventListener("click", () => {
    curve.clear();
    showEmotion();
  });
}

function showEmotion() {
  for (const button of $("emotions").children) {
    press(button, curve.auto ? button.dataset.emotion === "auto" : button.dataset.emotion === curve.brush && curve.emotion !== "neutral");
  }
  const notes = { auto: "What the voice tells.", neutral: "Neutral. Choose an emotion, or draw it over the voice." };
  $("curve-note").textContent = notes[curve.emotion] ?? `${curve.words}: draw to change it over time.`;
  curve.draw();
  speaking?.feel(curve.strongest);
}

function addSliders() {
  for (const [name, [label, least, most]] of Object.entries(LABELS)) {
    if (!(name in options.settings)) continue;
    const line = Object.assign(document.createElement("label"), { className: "slide" });
    const input = Object.assign(document.createElement("input"), { type: "range", min: least, max: most, step: 0.05, value: options.settings[name] });
    input.dataset.setting = name;
    line.append(Object.assign(document.createElement("span"), { textContent: label }), input, document.createElement("output"));
    $("sliders").append(line);
  }
  for (const input of document.querySelectorAll('.slide input[type="range"]')) {
    const show = () => (input.nextElementSibling.textContent = Number(input.value).toFixed(Number(input.max) > 5 ? 0 : 2));
    input.addEventListener("input", show);
    show();
  }
  for (const [dice, field] of [["dice", "seed"], ["person-dice", "person-seed"]]) {
    $(dice).addEventListener("click", () => ($(field).value = Math.floor(Math.random() * 1000)));
  }
}

function settings() {
  const out = { seed: Math.floor(Number($("seed").value)) || 0 };
  for (const input of document.querySelectorAll("[data-setting]")) out[input.dataset.setting] = Number(input.value);
  return out;
}

// Work and results

async function finished(job, tells) {
  for (let wait = 200; ; wait = Math.min(wait * 1.3, 1000)) {
    const found = await ask(`job/${job}`);
    if (found.state === "done") return found;
    if (found.state === "failed") throw new Error(found.told);
    tells(found.state === "waiting" && found.ahead ? `${found.ahead} before you …` : `${found.told || "starting"} …`);
    await new Promise((done) => setTimeout(done, wait));
  }
}

const differences = (mine) => {
  const [head, name] = chosenHead();
  const changed = Object.entries(mine).filter(([key, value]) => key !== "seed" && value !== options.settings[key]);
  const more = changed.map(([key, value]) => `${LABELS[key][0].toLowerCase()} ${value}`);
  return [head, [curve.words, name, ...more, `seed ${mine.seed}`].filter(Boolean).join(" · ")];
};

async function animate() {
  if (state.busy) return;
  const place = state.comparing ? 1 : 0;
  const mine = settings();
  const [head, words] = differences(mine);
  busy(true, place);
  try {
    const { job } = await ask("animate", { sound: state.sound, emotion: curve.emotion, settings: mine, head });
    await result(job, place, words);
  } finally {
    busy(false, place);
  }
}

async function result(job, place, words) {
  const { result } = await finished(job, (text) => tell(text));
  show(place, { result, words });
  tell("Press play.");
}

function busy(on, place) {
  state.busy = on;
  $("animate").disabled = on;
  $(`slot-${place}`).classList.toggle("busy", on);
}

function show(place, made) {
  speaking?.end();
  state.slots[place] = made;
  state.active = place;
  const frame = document.createElement("iframe");
  frame.src = `result/${made.result}#embedded`;
  frame.title = `Talking head: ${made.words}`;
  frame.setAttribute("sandbox", "allow-scripts");
  frame.allow = "autoplay; fullscreen";
  const tag = Object.assign(document.createElement("span"), { className: "tag", textContent: made.words });
  $(`slot-${place}`).replaceChildren(frame, tag);
  made.frame = frame;
  $("together").hidden = !(state.slots[0] && state.slots[1] && state.comparing);
}

const send = (place, act, more = {}) => state.slots[place]?.frame.contentWindow.postMessage({ talkinghead: act, ...more }, "*");

function compare(on) {
  state.comparing = on;
  press($("compare"), on);
  document.body.classList.toggle("comparing", on);
  $("slot-1").hidden = !on;
  $("together").hidden = !(on && state.slots[1]);
  send(1, "pause");
  send(0, "mute", { muted: false });
}

// Heads that are compared move together: what a visitor does with one, the other does in silence.
addEventListener("message", ({ data, source }) => {
  const place = state.slots.findIndex((made) => made?.frame.contentWindow === source);
  if (place < 0 || !data?.talkinghead) return;
  if (data.talkinghead === "touched" && place !== state.active) {
    state.active = place;
    send(place, "mute", { muted: false });
  }
  const other = 1 - place;
  if (data.talkinghead !== "state" || place !== state.active || !state.comparing || !state.slots[other]) return;
  send(other, "mute", { muted: true });
  send(other, "seek", { time: data.time });
  send(other, data.playing ? "play" : "pause");
});

$("compare").addEventListener("click", () => compare(!state.comparing));
$("together").addEventListener("click", () => {
  state.active = 0;
  send(0, "mute", { muted: false });
  send(0, "seek", { time: 0 });
  send(0, "play");
});

function addFormats() {
  for (const [suffix, about] of Object.entries(options.formats)) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.dataset.format = suffix;
    button.append(Object.assign(document.createElement("b"), { textContent: suffix }), Object.assign(document.createElement("span"), { textContent: about }));
    button.addEventListener("click", guarded(async () => {
      const made = state.slots[state.active] ?? state.slots[0];
      if (!made) throw new Error("animate a head first");
      button.disabled = true;
      try {
        const { job } = await ask("make", { result: made.result, format: suffix });
        await finished(job, (text) => tell(`${suffix}: ${text}`));
        const link = Object.assign(document.createElement("a"), { href: `file/${job}`, download: "" });
        link.click();
        tell(`${suffix} is downloaded.`);
        $("downloads").open = false;
      } finally {
        button.disabled = false;
      }
    }));
    $("formats").append(button);
  }
}

const begin = guarded(async () => {
  options = await ask("options");
  curve = new Curve($("curve"), options.emotions, showEmotion);
  addEmotions();
  addSliders();
  addFormats();
  $("head-file").accept = options.heads.join(",");
  options.sounds.forEach(addSound);
  if (options.sounds.length) chooseSound(options.sounds[0].id);
  for (const button of $("kinds").querySelectorAll("button")) button.addEventListener("click", () => chooseKind(button.dataset.kind));
  curve.flat("happy", 0.5);
  showEmotion();
  $("panel").addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(animate)();
  });
  document.body.classList.add("ready");
  if (!options.first) return;
  busy(true, 0);
  try {
    await result(options.first, 0, "happy 0.50 · seed 3");
  } finally {
    busy(false, 0);
  }
});
begin();
