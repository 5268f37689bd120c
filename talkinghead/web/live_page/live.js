// A voice in, a face that says it: a microphone or a recording -> Talker -> the shapes of a GLB in three.js. No server.
import { Idle, Playout, Talker, Targets, capture, microphone } from "talkinghead-live";

const $ = (name) => document.getElementById(name);
const FACE = /^(eyeblink|jawopen|mouthsmile|mouthfrown|browinnerup)/i; // shapes that tell where a face is
const SPARE = 0.05; // seconds that frames are shown later than they must be, so that none is late
const NARROW = 0.8; // how near the camera is on a narrow screen, of what it is on a wide one
const SLOW = 0.05; // seconds of a picture above which it gets fewer pixels
const BEHIND = 2; // seconds of sound that may wait for the network; what is more is left out, and the face goes on after it

class Stage {
  constructor(canvas, { sky, ground, lamps }) {
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(24, 1, 0.01, 50);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enableDamping: true, dampingFactor: 0.12, rotateSpeed: 0.7, enablePan: false });
    this.scene.add(new THREE.HemisphereLight(new THREE.Color(...sky), new THREE.Color(...ground), Math.PI));
    for (const [towards, colour] of lamps) {
      const lamp = new THREE.DirectionalLight(new THREE.Color(...colour), Math.PI);
      lamp.position.set(...towards);
      this.scene.add(lamp);
    }
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.renderer.domElement;
    if (!width || !height) return;
    this.renderer.setPixelRatio(this.ratio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.look();
  }

  // The head of a GLB or VRM in place of the one before. Throws for a file whose meshes have none of the shapes.
  async put(bytes, names) {
    const { scene } = await new THREE.GLTFLoader().setMeshoptDecoder(THREE.MeshoptDecoder).parseAsync(bytes, "");
    const targets = new Targets(scene, names);
    if (!targets.count) throw new Error("this head has no shapes by the names of ARKit");
    if (this.head) this.scene.remove(this.head);
    scene.traverse((node) => (node.frustumCulled = false));
    this.scene.add(scene);
    this.frame(scene);
    const neck = scene.getObjectByName("neck"); // of the heads that talkinghead writes
    Object.assign(this, { head: scene, targets, neck: neck && { node: neck, rest: neck.quaternion.clone() } });
    this.look();
  }

  // Where the face is, by what its shapes move: also of a character with arms and legs.
  frame(scene) {
    scene.updateMatrixWorld(true);
    const low = [Infinity, Infinity, Infinity];
    const high = low.map((x) => -x);
    const point = new THREE.Vector3();
    scene.traverse((mesh) => {
      for (const [name, index] of Object.entries(mesh.morphTargetDictionary ?? {})) {
        if (!FACE.test(name.split(".").at(-1))) continue;
        const shift = mesh.geometry.morphAttributes.position[index];
        for (let i = 0; i < shift.count; i++) {
          if (Math.hypot(shift.getX(i), shift.getY(i), shift.getZ(i)) < 1e-4) continue;
          mesh.getVertexPosition(i, point).applyMatrix4(mesh.matrixWorld);
          point.toArray().forEach((x, axis) => {
            low[axis] = Math.min(low[axis], x);
            high[axis] = Math.max(high[axis], x);
          });
        }
      }
    });
    this.centre = low.map((x, axis) => (x + high[axis]) / 2);
    this.tall = high[1] - low[1];
  }

  look() {
    if (!this.centre) return;
    const [x, y, z] = this.centre;
    const fill = Math.max(NARROW, Math.min(1, this.camera.aspect * 1.1)); // a phone does not see where the shoulders end
    const away = this.tall / Math.tan((this.camera.fov * Math.PI) / 360) / fill;
    this.controls.target.set(x, y + 0.06 * this.tall, z);
    this.camera.position.set(x, y + 0.1 * this.tall, z + away);
    Object.assign(this.controls, { minDistance: away * 0.3, maxDistance: away * 4 });
    this.camera.near = away / 50;
    this.camera.far = away * 20;
    this.camera.updateProjectionMatrix();
    this.controls.update();
  }

  // A frame on the head; its rotation is that of the neck, where the file has one.
  show(frame) {
    this.targets.show(frame);
    if (!this.neck) return;
    const axis = new THREE.Vector3(...frame.rotation);
    const angle = axis.length();
    this.neck.node.quaternion.setFromAxisAngle(axis.normalize(), angle).multiply(this.neck.rest);
  }

  draw(passed) {
    this.late = passed > SLOW ? (this.late ?? 0) + 1 : 0;
    if (this.late > 5 && this.ratio > 0.4) {
      this.late = 0;
      this.ratio = Math.max(0.4, this.ratio * 0.7);
      this.renderer.setPixelRatio(this.ratio);
    }
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
  }
}

class Page {
  constructor(stage, talker) {
    Object.assign(this, { stage, talker, loud: 0, idle: new Idle(talker.names, Date.now()) });
    this.rest = { weights: new Float32Array(talker.names.length), tongue: new Float32Array(2) };
    let last = performance.now();
    const tick = (now) => {
      this.draw((now - last) / 1000);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  draw(passed) {
    this.frame = this.source?.playout?.at(this.source.context.currentTime) ?? this.calm(this.frame, passed);
    this.stage.show(this.idle.add(this.frame, performance.now() / 1000));
    this.stage.draw(passed);
    this.loud *= 0.9;
    const lit = 11 * (1 + Math.log10(Math.max(this.loud, 1e-6)) / 2.5); // of 50 dB
    const pen = $("level").getContext("2d");
    pen.clearRect(0, 0, 88, 24);
    for (let i = 0; i < 11; i++) {
      pen.fillStyle = i < lit ? "#ffb454" : "rgba(255, 255, 255, .14)";
      pen.fillRect(8 * i, 6, 5, 12);
    }
  }

  // Without a voice the face goes back to rest.
  calm(frame = this.rest, passed) {
    const share = Math.min(1, 8 * passed);
    return {
      weights: frame.weights.map((w) => w * (1 - share)),
      tongue: (frame.tongue ?? this.rest.tongue).map((w) => w * (1 - share)),
    };
  }

  // begin(context, heard) connects a sound; what it returns ends it.
  async start(button, begin) {
    const same = this.button === button;
    await this.stop();
    if (same) return;
    const context = new AudioContext();
    const source = { context };
    Object.assign(this, { source, button });
    button.setAttribute("aria-pressed", "true");
    try {
      source.end = await begin(context, this.failing((samples, time) => this.heard(source, samples, time)));
      if (this.source !== source) source.end(); // it was stopped before it began
      await context.resume();
      tell("");
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  // The first fault ends the sound.
  failing(work) {
    return trying(async (...given) => {
      try {
        await work(...given);
      } catch (error) {
        await this.stop();
        throw error;
      }
    });
  }

  async heard(source, samples, time) {
    this.loud = Math.max(this.loud, ...samples.map(Math.abs));
    if (this.source !== source) return;
    if (time - (source.known ?? time) > BEHIND) return this.skip(source);
    if (!source.playout) {
      this.talker.start();
      source.playout = new Playout(time, this.delay);
    }
    const { playout } = source;
    source.known ??= time;
    const frames = await this.talker.push(samples);
    if (this.source !== source || source.playout !== playout) return;
    source.known = time + samples.length / 16000; // until then the network has heard all
    playout.push(frames);
    if (frames.length && this.skipped) tell("");
    if (frames.length) this.skipped = false;
    this.measure();
  }

  // A machine that is too slow for a while: another stream begins with the next sound.
  skip(source) {
    tell("This machine is too slow for the network: some sound is left out.", true);
    source.playout = source.known = null;
    this.skipped = true;
  }

  get delay() {
    return this.talker.latency + SPARE;
  }

  measure() {
    const { seconds, busy } = this.talker.time;
    if (seconds < 1) return;
    $("figures").textContent = `${Math.round(1000 * this.delay)} ms · network ${Math.round((100 * busy) / seconds)} %`;
  }

  async stop() {
    const { source, button } = this;
    this.source = this.button = null;
    button?.setAttribute("aria-pressed", "false");
    source?.end?.();
    await source?.context.close();
  }

  listen() {
    return this.start($("microphone"), (context, heard) => microphone(context, heard));
  }

  // A recording is heard as late as the face moves.
  play(button, bytes) {
    return this.start(button, async (context, heard) => {
      const sound = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes) });
      const late = new DelayNode(context, { delayTime: this.delay, maxDelayTime: 1 });
      const end = await capture(sound, heard);
      sound.connect(late).connect(context.destination);
      sound.onended = () => setTimeout(() => this.source?.context === context && this.stop(), 1000 * (this.delay + 0.4));
      sound.start();
      return end;
    });
  }
}

function tell(text, fault = false) {
  $("told").textContent = text;
  $("told").classList.toggle("fault", fault);
}

const trying = (work) => async (...given) => {
  try {
    await work(...given);
  } catch (error) {
    tell(error.name === "NotAllowedError" ? "The microphone was not allowed." : String(error.message ?? error), true);
  }
};

function listen(page) {
  const { talker, stage } = page;
  const isHead = (file) => /\.(glb|vrm)$/i.test(file.name);
  const take = trying(async (file) => {
    if (!file) return;
    if (isHead(file)) await stage.put(await file.arrayBuffer(), talker.names);
    else await page.play($("own-sound"), await file.arrayBuffer());
  });
  const example = trying(async () => page.play($("example"), await (await fetch("hello.wav")).arrayBuffer()));
  $("microphone").onclick = trying(() => page.listen());
  $("example").onclick = example;
  for (const name of ["sound-file", "head-file"]) {
    $(name).onchange = ({ target }) => take(target.files[0]).then(() => (target.value = ""));
  }
  $("emotion").append(...talker.emotions.map((name) => new Option(name[0].toUpperCase() + name.slice(1), name)));
  const feel = () => {
    talker.emotion = [$("emotion").value, Number($("intensity").value)];
    $("strength").hidden = $("emotion").value === "neutral";
  };
  $("emotion").onchange = $("intensity").oninput = feel;
  feel();
  addEventListener("dragover", (event) => (event.preventDefault(), ($("drop").hidden = false)));
  addEventListener("dragleave", (event) => ($("drop").hidden = event.relatedTarget !== null));
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").hidden = true;
    take(event.dataTransfer.files[0]);
  });
  for (const name of ["microphone", "example", "sound-file"]) $(name).disabled = false;
}

async function main() {
  const model = new URL("model/", import.meta.url);
  const loading = (share) => tell(`Loading … ${Math.round(100 * share)} %`);
  const [talker, look, head] = await Promise.all([
    Talker.load(model, { fps: 60, hop: 2, worker: true, progress: loading }),
    fetch("look.json").then((answer) => answer.json()),
    fetch("head.glb").then((answer) => answer.arrayBuffer()),
  ]);
  const stage = new Stage($("canvas"), look.lights);
  await stage.put(head, talker.names);
  document.body.classList.add("shown");
  const page = new Page(stage, talker);
  listen(page);
  tell("Speak, play the example, or drop a recording.");
  window.live = page; // for the console
  document.body.classList.add("ready");
}

trying(main)();
