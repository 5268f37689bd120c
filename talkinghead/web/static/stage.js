// The picture: a head with the renderers' own shader, or a character's file; the backdrop; the cameras.
const SLOW = 0.06; // seconds
class Stage {
  constructor(canvas, about) {
    this.about = about;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true });
    this.renderer.autoClear = false;
    this.full = this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.renderer.setPixelRatio(this.ratio);
    this.backdrop = new THREE.Scene();
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera((about.cameras.view * 180) / Math.PI, 1, 0.01, 10);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enableDamping: true, dampingFactor: 0.12, rotateSpeed: 0.7, enablePan: false });
    this.controls.addEventListener("start", () => (this.preset = null));
    this.addBackdrop();
    this.preset = "front";
  }

  addBackdrop() {
    const corners = new THREE.BufferGeometry();
    corners.setAttribute("position", new THREE.BufferAttribute(new Float32Array([-1, -1, 0, 3, -1, 0, -1, 3, 0]), 3));
    const { middle, edge, vertex, fragment } = this.about.backdrop;
    const material = new THREE.RawShaderMaterial({
      glslVersion: THREE.GLSL3, vertexShader: vertex, fragmentShader: fragment, depthTest: false, depthWrite: false,
      uniforms: { middle: { value: middle }, edge: { value: edge } },
    });
    const wall = new THREE.Mesh(corners, material);
    wall.frustumCulled = false;
    this.backdrop.add(wall);
  }

  async addFace(face) {
    this.face = face;
    const geometry = new THREE.BufferGeometry();
    const moving = new THREE.InterleavedBuffer(face.moving, COLUMNS);
    moving.setUsage(THREE.DynamicDrawUsage);
    const still = (array, width) => new THREE.BufferAttribute(array, width);
    const part = (from, to) => {
      const out = new Float32Array(face.drawn * (to - from));
      for (let i = 0; i < face.drawn; i++) {
        for (let k = from; k < to; k++) out[i * (to - from) + k - from] = face.about.materials[face.material[i]][k];
      }
      return still(out, to - from);
    };
    geometry.setAttribute("position", new THREE.InterleavedBufferAttribute(moving, 3, 0));
    geometry.setAttribute("normal", new THREE.InterleavedBufferAttribute(moving, 3, 3));
    geometry.setAttribute("tangent", new THREE.InterleavedBufferAttribute(moving, 4, 6));
    geometry.setAttribute("flow", new THREE.InterleavedBufferAttribute(moving, 2, 10));
    geometry.setAttribute("texcoord_0", still(face.uv, 2));
    geometry.setAttribute("colour", part(0, 3));
    geometry.setAttribute("feel", part(3, 5));
    geometry.setAttribute("fade", still(face.fade, 1));
    geometry.setIndex(new THREE.BufferAttribute(Uint32Array.from(face.triangles), 1));
    this.uniforms = {
      matrix: { value: new THREE.Matrix4() }, cam_pos: { value: new THREE.Vector3() },
      picture: { value: await pictureOf(face.about.picture) }, lines: { value: await pictureOf(face.about.lines) },
    };
    const material = new THREE.RawShaderMaterial({
      glslVersion: THREE.GLSL3, vertexShader: this.about.vertex, fragmentShader: this.about.fragment, uniforms: this.uniforms,
      transparent: true, blending: THREE.CustomBlending, blendEquation: THREE.AddEquation, blendSrc: THREE.OneFactor,
      blendDst: THREE.OneMinusSrcAlphaFactor, premultipliedAlpha: true,
    });
    const mesh = new THREE.Mesh(geometry, material);
    mesh.frustumCulled = false;
    this.scene.add(mesh);
    this.show = (time, shown) => {
      face.update(time, shown);
      moving.needsUpdate = true;
    };
  }

  // The GLB of a character, whose last animation is the motion.
  async addCharacter(buffer) {
    const loader = new THREE.GLTFLoader().setMeshoptDecoder(THREE.MeshoptDecoder);
    const file = await loader.parseAsync(buffer, "");
    const { sky, ground, lamps } = this.about.lights;
    this.scene.add(new THREE.HemisphereLight(new THREE.Color(...sky), new THREE.Color(...ground), Math.PI));
    for (const [towards, colour] of lamps) {
      const lamp = new THREE.DirectionalLight(new THREE.Color(...colour), Math.PI);
      lamp.position.set(...towards);
      this.scene.add(lamp);
    }
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    const holder = new THREE.Group(); // turns the character's front to +z
    const m = this.about.turn;
    holder.matrix.set(...m[0], 0, ...m[1], 0, ...m[2], 0, 0, 0, 0, 1);
    holder.matrixAutoUpdate = false;
    holder.add(file.scene);
    file.scene.traverse((node) => (node.frustumCulled = false));
    this.scene.add(holder);
    this.character = file.scene;
    const clip = file.animations.at(-1);
    const mixer = new THREE.AnimationMixer(file.scene);
    mixer.clipAction(clip).setLoop(THREE.LoopOnce).play();
    const node = (index) => file.parser.getDependency("node", index);
    const [meshes, bones] = [[], []];
    for (const carrier of this.about.carriers) meshes.push({ ...carrier, root: await node(carrier.node) });
    for (const bone of this.about.bones) bones.push({ ...bone, root: await node(bone.node) });
    this.show = (time, shown) => {
      if (shown) return pose(meshes, bones, shown);
      mixer.setTime(Math.min(Math.max(time - 0.5 / this.about.fps, 0), clip.duration - 1e-4));
    };
  }

  // Fewer pixels where frames take longer than SLOW: machines without a GPU. All of them again at rest.
  spare(seconds) {
    const slow = seconds > SLOW;
    this.late = slow ? (this.late ?? 0) + 1 : 0;
    if (this.late < 3 || this.ratio <= 0.4) return;
    this.late = 0;
    this.setRatio(Math.max(0.4, this.ratio * 0.7));
  }

  // Whether anything changes: the canvas is empty then.
  setRatio(ratio) {
    if (ratio === this.ratio) return false;
    this.ratio = ratio;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(this.width, this.height, false);
    return true;
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    if (this.preset) this.look(this.preset);
  }

  // The camera of that name, as far away as it must be to show the head in a picture of this shape.
  look(name) {
    const { centre, places } = this.about.cameras;
    const { towards, high, wide } = places[name];
    const away = Math.max(high, wide / this.camera.aspect);
    this.controls.target.fromArray(centre);
    this.camera.position.fromArray(towards).multiplyScalar(away).add(this.controls.target);
    Object.assign(this.controls, { minDistance: away * 0.3, maxDistance: away * 3 });
    this.preset = name;
    this.controls.update();
  }

  // shown: a frame in place of that of the motion.
  draw(time, shown) {
    const away = this.camera.position.distanceTo(this.controls.target);
    const { reach } = this.about.cameras;
    this.camera.near = Math.max(away - 2 * reach, 0.05 * away);
    this.camera.far = away + (this.character ? 20 : 2) * reach;
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld();
    this.show(time, shown);
    if (this.uniforms) {
      this.uniforms.matrix.value.multiplyMatrices(this.camera.projectionMatrix, this.camera.matrixWorldInverse);
      this.uniforms.cam_pos.value.copy(this.camera.position);
    }
    this.renderer.clear();
    this.renderer.render(this.backdrop, this.camera);
    this.renderer.render(this.scene, this.camera);
  }
}

// A frame on a character: weights of its meshes, turns of its bones, as export.character has them.
function pose(meshes, bones, { weights, rotation, gaze }) {
  const roots = new Set(meshes.map(({ root }) => root));
  for (const { root, columns, rest } of meshes) {
    for (const { morphTargetInfluences: influences } of [root, ...root.children.filter((part) => !roots.has(part))]) {
      if (influences?.length === columns.length) columns.forEach((column, i) => (influences[i] = rest[i] + weights[column]));
    }
  }
  for (const { root, name, share, column, frame, rest } of bones) {
    const turned = (x, y, z) => {
      const axis = new THREE.Vector3(x, y, z);
      const angle = axis.length();
      return root.quaternion.clone().setFromAxisAngle(axis.normalize(), angle);
    };
    const looking = (yaw, pitch) => turned(0, yaw, 0).multiply(turned(-pitch, 0, 0));
    const whole = () => turned(...rotation.map((part) => share * part));
    const turns = {
      neck: whole, head: whole, jaw: () => turned(share * weights[column], 0, 0),
      left_eye: () => looking(gaze[0], gaze[1]), right_eye: () => looking(gaze[2], gaze[3]),
    };
    const above = root.quaternion.clone().fromArray(frame);
    const still = root.quaternion.clone().fromArray(rest);
    root.quaternion.copy(above).invert().multiply(turns[name]()).multiply(above).multiply(still);
  }
}

async function pictureOf(source) {
  const picture = new THREE.Texture();
  picture.image = await new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("the texture cannot be read"));
    image.src = source;
  });
  Object.assign(picture, { colorSpace: THREE.NoColorSpace, minFilter: THREE.LinearMipmapLinearFilter, needsUpdate: true });
  return picture;
}
