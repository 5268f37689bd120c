"""Compiled loops of the software renderer: what pixels show of their triangles. `_shade` is the formula of `shader.SHADE`.

What pixels show is collected in blocks and computed as a processor likes it, one quantity of many surfaces after the other. A
block is flat, its columns are BLOCK numbers each and begin at fixed, unsigned places, so that the compiler sees that they do
not overlap and takes 8 or 16 surfaces at a time. Letters: U vertices, F triangles, W pixels of a row.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from talkinghead.compiling import compiled
from talkinghead.head.looks.creases import LEVEL, STEPS
from talkinghead.rendering.backends.visibility import POINTS
from talkinghead.rendering.scene import look

f32, i32, uint = np.float32, np.int32, np.uint64
BLOCK = uint(256)  # surfaces
ATTRIBUTES = 15  # of a vertex, and the first columns of a block: to the viewer (3; of a vertex: its place), normal (3), shares
# of ambient, key, fill and rim light, place in the texture (2), opacity, depth of creases, blood
TO, NORMAL, SEEN, U, V, OPACITY, DEPTH, FLOW = (uint(256 * k) for k in (0, 3, 6, 10, 11, 12, 13, 14))
# Further columns: colour (3), of the material, at last of the picture, in bytes; roughness, kind, reflectance at normal
# incidence; share of the pixel; linear light of the surface's own colour (3); cosine to the viewer; point of the picture (2);
# shares of the triangle's corners (3)
RED, ROUGH, OF_KIND, MIRROR, SHARE, BASE, FACING, X, Y, P = (uint(256 * k) for k in (15, 18, 19, 20, 21, 22, 25, 26, 27, 28))
COLUMNS = 31
# Columns of whole numbers: where the texture begins, its height and width; triangle; which pixel of the band; four texels
PICTURE, OWNER, PIXEL, TEXEL = (uint(256 * k) for k in (0, 3, 4, 5))
WORDS = 9
TO_LIGHT = look.decode(np.arange(4081) / 4080).astype(np.float32)  # by byte * 16
TO_BYTE = (look.encode((np.arange(4097) / 4096) ** 2) * 255).astype(np.float32)  # by the root of linear light * 4096
CREASE, BLOOD = np.array(look.CREASE, np.float32), np.array(look.BLOOD, np.float32)
RIDGE, DARKEST = f32(look.RIDGE), f32(look.DARKEST)
WRAP, LINE = np.array(look.WRAP, np.float32), np.array(look.LINE, np.float32) * 255
ACROSS, DOWN = np.array(POINTS, np.float32).T.copy()  # places of a pixel's points
JOIN = f32(0.0015)  # share of the distance within which two points of a pixel lie on one surface


@compiled
def colour(first, last, owner, near, screen, vertices, triangles, flat, pictures, eye, lights, texels, out):
    """Draw rows first..last over what is in `out`, (H, W, 3) uint8 or (H, W, 4) times opacity.

    owner: of `visibility.nearest`. near: (F,) 1 / distance. screen: (U, 4) of `visibility.project`. vertices: (U, ATTRIBUTES).
    flat: (F, 6) colour, roughness, kind, reflectance. pictures: (F, 3) start, height, width of textures in `texels`, (N,)
    int32. lights: of `Lights.table`.
    """
    width = out.shape[1]
    mixed = np.zeros(((last - first) * width, 4), f32)  # colours times opacity and share of the pixel, and these
    block, words = np.empty(COLUMNS * 256, f32), np.empty(WORDS * 256, i32)
    mine = np.empty(4, i32)
    shown = 0
    for y in range(last - first):
        for x in range(width):
            one, two, three, four = owner[y, 4 * x], owner[y, 4 * x + 1], owner[y, 4 * x + 2], owner[y, 4 * x + 3]
            if one == two and one == three and one == four:
                if one < 0:
                    continue
                words[OWNER + uint(shown)], words[PIXEL + uint(shown)] = one, y * width + x
                block[X + uint(shown)], block[Y + uint(shown)] = f32(x) + f32(0.5), f32(first + y) + f32(0.5)
                block[SHARE + uint(shown)] = f32(1)
                shown += 1
            else:
                mine[0], mine[1], mine[2], mine[3] = one, two, three, four
                for s in range(4):
                    t = mine[s]
                    if t < 0:
                        continue
                    weight = 1
                    for other in range(s + 1, 4):
                        if mine[other] >= 0 and (mine[other] == t or _same(t, mine[other], near, flat)):
                            weight += 1
                            mine[other] = -1
                    words[OWNER + uint(shown)], words[PIXEL + uint(shown)] = t, y * width + x
                    block[X + uint(shown)] = f32(x) + (f32(0.5) if weight == 4 else ACROSS[s])
                    block[Y + uint(shown)] = f32(first + y) + (f32(0.5) if weight == 4 else DOWN[s])
                    block[SHARE + uint(shown)] = f32(0.25) * f32(weight)
                    shown += 1
            if shown > 252:
                _finish(uint(shown), screen, vertices, triangles, flat, pictures, eye, lights, texels, block, words, mixed)
                shown = 0
    _finish(uint(shown), screen, vertices, triangles, flat, pictures, eye, lights, texels, block, words, mixed)
    _mix(out[first:last], mixed)


@compiled
def _same(one, two, near, flat):
    """Whether two of a pixel's points lie on one surface, so that one colour serves both."""
    if flat[one, 4] != flat[two, 4] or flat[one, 4] == 3:
        return False
    return abs(near[one] - near[two]) < JOIN * near[one]


@compiled
def _finish(count, screen, vertices, triangles, flat, pictures, eye, lights, texels, block, words, mixed):
    """Colour the first `count` columns of a block and add them to their pixels. All of a scene is painted, or nothing."""
    _weights(count, screen, triangles, block, words)
    if flat[0, 4] > 5.5:
        _painted(count, screen, vertices, triangles, flat, block, words, mixed)
        return
    _surfaces(count, vertices, triangles, flat, pictures, eye, block, words)
    _shade(count, block, words, texels, lights)
    for i in range(count):
        pixel, opacity = words[PIXEL + i], block[OPACITY + i]
        for k in range(uint(3)):
            mixed[pixel, k] += block[RED + k * BLOCK + i] * opacity
        mixed[pixel, 3] += opacity


@compiled
def _weights(count, screen, triangles, block, words):
    """P: the shares that the corners of OWNER have in its points X, Y of the picture, as on the surface itself."""
    for i in range(count):
        t, px, py = words[OWNER + i], block[X + i], block[Y + i]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = screen[a, 0], screen[a, 1]
        bx, by, cx, cy = screen[b, 0] - ax, screen[b, 1] - ay, screen[c, 0] - ax, screen[c, 1] - ay
        scale = 1 / (bx * cy - cx * by)
        v, w = ((px - ax) * cy - cx * (py - ay)) * scale, (bx * (py - ay) - (px - ax) * by) * scale
        v, w = max(v, f32(0)), max(w, f32(0))  # a pixel's middle may lie just outside
        whole = 1 / max(v + w, f32(1))
        v, w = v * whole, w * whole
        u = (1 - v - w) * screen[a, 3]
        v, w = v * screen[b, 3], w * screen[c, 3]
        whole = 1 / (u + v + w)
        block[P + i], block[P + BLOCK + i], block[P + BLOCK + BLOCK + i] = u * whole, v * whole, w * whole


@compiled
def _surfaces(count, vertices, triangles, flat, pictures, eye, block, words):
    """Put into a block what `_shade` needs of each surface."""
    for i in range(count):
        t, p, q, r = words[OWNER + i], block[P + i], block[P + BLOCK + i], block[P + BLOCK + BLOCK + i]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        for k in range(uint(15)):
            block[k * BLOCK + i] = p * vertices[a, k] + q * vertices[b, k] + r * vertices[c, k]
        for k in range(uint(3)):
            words[k * BLOCK + i] = pictures[t, k]
        for k in range(uint(6)):
            block[RED + k * BLOCK + i] = flat[t, k]
    for k in range(uint(3)):
        for i in range(count):
            block[k * BLOCK + i] = eye[k] - block[k * BLOCK + i]


@compiled
def _painted(count, screen, vertices, triangles, flat, block, words, mixed):
    """Add the colours of a style, which has no lights: of the vertices, or lines along edges. See `shader.SHADE`."""
    for i in range(count):
        t, p, q, r = words[OWNER + i], block[P + i], block[P + BLOCK + i], block[P + BLOCK + BLOCK + i]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        opacity = min(max(p * vertices[a, 12] + q * vertices[b, 12] + r * vertices[c, 12], f32(0)), f32(1))
        opacity *= block[SHARE + i]
        wires, share = flat[t, 4] > 6.5, f32(1)
        if wires:
            share = min(max(_to_edge(p, q, r, screen[a], screen[b], screen[c]) + f32(0.1), f32(0)), f32(1))
        shade = p * vertices[a, 9] + q * vertices[b, 9] + r * vertices[c, 9]
        pixel = words[PIXEL + i]
        for k in range(3):
            colour = flat[t, k] * shade if wires else p * vertices[a, 6 + k] + q * vertices[b, 6 + k] + r * vertices[c, 6 + k]
            colour = min(max(colour, f32(0)), f32(1)) * 255
            mixed[pixel, k] += opacity * (LINE[k] + share * (colour - LINE[k]) if wires else colour)
        mixed[pixel, 3] += opacity


@compiled
def _to_edge(p, q, r, a, b, c):
    """Pixels from a point of a triangle to the nearest edge."""
    u, v, w = p / a[3], q / b[3], r / c[3]  # as in the picture
    bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    size = abs(bx * cy - cx * by) / (u + v + w)
    away = u * size / sqrt((cx - bx) * (cx - bx) + (cy - by) * (cy - by) + f32(1e-12))
    away = min(away, v * size / sqrt(cx * cx + cy * cy + f32(1e-12)))
    return min(away, w * size / sqrt(bx * bx + by * by + f32(1e-12)))


@compiled
def _mix(out, mixed):
    """Lay the sums of a band over its rows of the picture."""
    width, channels = out.shape[1], out.shape[2]
    for y in range(out.shape[0]):
        for x in range(width):
            i = y * width + x
            opacity = mixed[i, 3]
            if opacity == 0:
                continue
            for k in range(channels):
                own = mixed[i, k] if k < 3 else f32(255) * opacity
                out[y, x, k] = np.uint8(min(own + f32(out[y, x, k]) * (1 - opacity) + f32(0.5), f32(255)))


@compiled
def _shade(count, block, words, texels, lights):
    """The three columns from RED on, colours of the material, become those of the picture, in bytes; OPACITY times SHARE.

    count: uint64, how many surfaces. words: (WORDS * BLOCK,) int32. lights: of `Lights.table`.
    """
    _texels(count, block, words, texels)
    _creases(count, block, words)
    _ambient(count, block, lights[7], lights[8])
    _lamp(count, block, lights[0], lights[3], lights[6, 0], SEEN + BLOCK)
    _lamp(count, block, lights[1], lights[4], lights[6, 1], SEEN + uint(2) * BLOCK)
    _lamp(count, block, lights[2], lights[5], lights[6, 2], SEEN + uint(3) * BLOCK)
    _shine(count, block, lights[9])
    _encode(count, block)


@compiled
def _texels(count, block, words, texels):
    """BASE: the colour of the material times the texture between four texels, linear; it repeats beyond its edges."""
    for i in range(count):
        start, height, width = words[PICTURE + i], words[PICTURE + BLOCK + i], words[PICTURE + BLOCK + BLOCK + i]
        u, v = block[U + i], 1 - block[V + i]
        u, v = u - f32(i32(u)), v - f32(i32(v))
        x = (u + f32(1) if u < f32(0) else u) * f32(width) + f32(0.5)  # by one too far, so that what is cut off is positive
        y = (v + f32(1) if v < f32(0) else v) * f32(height) + f32(0.5)
        x0, y0 = i32(x), i32(y)
        block[U + i], block[V + i] = x - f32(x0), y - f32(y0)
        x1, y1 = i32(0 if x0 >= width else x0), i32(0 if y0 >= height else y0)
        x0, y0 = i32(x0 - 1 if x0 > 0 else width - 1), i32(y0 - 1 if y0 > 0 else height - 1)
        upper, lower = i32(start + y0 * width), i32(start + y1 * width)
        words[TEXEL + i], words[TEXEL + BLOCK + i] = i32(upper + x0), i32(upper + x1)
        words[TEXEL + uint(2) * BLOCK + i], words[TEXEL + uint(3) * BLOCK + i] = i32(lower + x0), i32(lower + x1)
    for k in range(uint(4)):
        for i in range(count):
            words[TEXEL + k * BLOCK + i] = texels[words[TEXEL + k * BLOCK + i]]
    for k in range(uint(3)):
        shift = i32(8 * i32(k))
        for i in range(count):
            one = f32((words[TEXEL + i] >> shift) & i32(255))
            two = f32((words[TEXEL + BLOCK + i] >> shift) & i32(255))
            three = f32((words[TEXEL + uint(2) * BLOCK + i] >> shift) & i32(255))
            four = f32((words[TEXEL + uint(3) * BLOCK + i] >> shift) & i32(255))
            upper, lower = one + (two - one) * block[U + i], three + (four - three) * block[U + i]
            light = TO_LIGHT[i32((upper + (lower - upper) * block[V + i]) * f32(16) + f32(0.5))]
            block[BASE + k * BLOCK + i] = light * block[RED + k * BLOCK + i]


@compiled
def _creases(count, block, words):
    """BASE: with the lines of the skin, as deep as DEPTH, and blood. See `shader.creased`."""
    red, green, blue, more_red, more_green, more_blue = CREASE[0], CREASE[1], CREASE[2], BLOOD[0], BLOOD[1], BLOOD[2]
    for i in range(count):
        one = f32((words[TEXEL + i] >> i32(24)) & i32(255))
        two = f32((words[TEXEL + BLOCK + i] >> i32(24)) & i32(255))
        three = f32((words[TEXEL + uint(2) * BLOCK + i] >> i32(24)) & i32(255))
        four = f32((words[TEXEL + uint(3) * BLOCK + i] >> i32(24)) & i32(255))
        upper, lower = one + (two - one) * block[U + i], three + (four - three) * block[U + i]
        line = (upper + (lower - upper) * block[V + i] - f32(LEVEL)) * f32(1 / STEPS) * block[DEPTH + i]
        dark, light, flow = min(line, f32(0)), 1 + max(line, f32(0)) * RIDGE, block[FLOW + i]
        block[BASE + i] *= max(light + dark * red + flow * more_red, DARKEST)
        block[BASE + BLOCK + i] *= max(light + dark * green + flow * more_green, DARKEST)
        block[BASE + BLOCK + BLOCK + i] *= max(light + dark * blue + flow * more_blue, DARKEST)


@compiled
def _ambient(count, block, sky, ground):
    """RED: light from all around; normals and the way to the viewer get length 1, hair's turn to the viewer."""
    sky_r, sky_g, sky_b, ground_r, ground_g, ground_b = sky[0], sky[1], sky[2], ground[0], ground[1], ground[2]
    for i in range(count):
        nx, ny, nz = block[NORMAL + i], block[NORMAL + BLOCK + i], block[NORMAL + BLOCK + BLOCK + i]
        vx, vy, vz = block[TO + i], block[TO + BLOCK + i], block[TO + BLOCK + BLOCK + i]
        kind = block[OF_KIND + i]
        skin, shiny, hair = kind < f32(0.5), kind > f32(0.5) and kind < f32(1.5), kind > f32(2.5)
        length = 1 / sqrt(max(nx * nx + ny * ny + nz * nz, f32(1e-20)))
        away = 1 / sqrt(max(vx * vx + vy * vy + vz * vz, f32(1e-20)))
        vx, vy, vz = vx * away, vy * away, vz * away
        facing = (nx * vx + ny * vy + nz * vz) * length
        turned = f32(-1) if hair and facing < f32(0) else f32(1)
        length, facing = length * turned, facing * turned
        nx, ny, nz = nx * length, ny * length, nz * length
        block[NORMAL + i], block[NORMAL + BLOCK + i], block[NORMAL + BLOCK + BLOCK + i] = nx, ny, nz
        block[TO + i], block[TO + BLOCK + i], block[TO + BLOCK + BLOCK + i] = vx, vy, vz
        block[FACING + i] = facing
        wet = f32(1) if kind > f32(1.5) and not hair else f32(0)  # light bounces between the walls of a wet mouth
        for k in range(uint(4)):
            seen = block[SEEN + k * BLOCK + i]
            block[SEEN + k * BLOCK + i] = seen + wet * (sqrt(max(seen, f32(0))) - seen)
        ao = block[SEEN + i]
        edge = 1 - min(max(facing, f32(0.04)), f32(1))
        edge = edge * edge
        edge = edge * edge * ao * (f32(0.10) if skin else f32(0.25) if shiny else f32(0.05))
        up = f32(0.5) + f32(0.5) * ny
        for k in range(uint(3)):
            low = ground_r if k == uint(0) else ground_g if k == uint(1) else ground_b
            high = sky_r if k == uint(0) else sky_g if k == uint(1) else sky_b
            base = block[BASE + k * BLOCK + i]
            opened = ao * (f32(2.0404) * base - f32(0.3324)) + (f32(0.6417) - f32(4.7951) * base)
            opened = (opened * ao + (f32(2.7552) * base + f32(0.6903))) * ao
            around = low + (high - low) * up
            block[RED + k * BLOCK + i] = base * around * max(ao, opened) + around * edge


@compiled
def _lamp(count, block, towards, power, gloss, seen_at):
    """Add the light of one lamp to RED. seen_at: the column of its share."""
    lx, ly, lz, red, green, blue = towards[0], towards[1], towards[2], power[0], power[1], power[2]
    wrap_r, wrap_g, wrap_b = WRAP[0], WRAP[1], WRAP[2]
    for i in range(count):
        nx, ny, nz = block[NORMAL + i], block[NORMAL + BLOCK + i], block[NORMAL + BLOCK + BLOCK + i]
        vx, vy, vz = block[TO + i], block[TO + BLOCK + i], block[TO + BLOCK + BLOCK + i]
        seen, mirror, kind = block[seen_at + i], block[MIRROR + i], block[OF_KIND + i]
        skin, shiny, hair = kind < f32(0.5), kind > f32(0.5) and kind < f32(1.5), kind > f32(2.5)
        rough = block[ROUGH + i] * block[ROUGH + i]
        rough2, k = rough * rough, f32(0.5) * rough
        nv = min(max(block[FACING + i], f32(0.04)), f32(1))
        d = nx * lx + ny * ly + nz * lz
        hx, hy, hz = lx + vx, ly + vy, lz + vz
        half = 1 / sqrt(max(hx * hx + hy * hy + hz * hz, f32(1e-20)))
        nh = (nx * hx + ny * hy + nz * hz) * half
        q = nh * nh * (rough2 - 1) + 1
        m = 1 - (vx * hx + vy * hy + vz * hz) * half
        fresnel = mirror + (1 - mirror) * (m * m) * (m * m) * m
        over = max(d, f32(0))
        lobe = rough2 * fresnel * f32(0.25) / (q * q * (over * (1 - k) + k) * (nv * (1 - k) + k))
        lobe = min(lobe, f32(4)) * over * seen * (f32(0) if shiny else gloss)
        creep = f32(1) if skin else f32(0.6) if hair else f32(0.35)
        redder = seen * (1 - seen) * (f32(1) if skin else f32(0))
        for j in range(uint(3)):
            wrap = (wrap_r if j == uint(0) else wrap_g if j == uint(1) else wrap_b) * creep
            lamp = red if j == uint(0) else green if j == uint(1) else blue
            tint = f32(0.35) if j == uint(0) else f32(0.05) if j == uint(1) else f32(0)
            diffuse = min(max((d + wrap) / (1 + wrap), f32(0)), f32(1))
            own = block[BASE + j * BLOCK + i] * diffuse * diffuse * (seen + redder * tint)
            block[RED + j * BLOCK + i] += lamp * (own + lobe)


@compiled
def _shine(count, block, catch):
    """Add the window that eyes mirror to RED."""
    for i in range(count):
        if not f32(0.5) < block[OF_KIND + i] < f32(1.5):
            continue
        nx, ny, nz = block[NORMAL + i], block[NORMAL + BLOCK + i], block[NORMAL + BLOCK + BLOCK + i]
        vx, vy, vz = block[TO + i], block[TO + BLOCK + i], block[TO + BLOCK + BLOCK + i]
        hx, hy, hz = vx + catch[0], vy + catch[1], vz + catch[2]
        half = 1 / sqrt(max(hx * hx + hy * hy + hz * hz, f32(1e-20)))
        mirror = (2 * block[FACING + i] * (nx * hx + ny * hy + nz * hz) - (vx * hx + vy * hy + vz * hz)) * half
        shine = f32(0.85) * _step(f32(0.972), f32(0.984), mirror) + f32(0.10) * _step(f32(0.80), f32(1), mirror)
        shine *= _step(f32(0.02), f32(0.25), block[SEEN + i])
        for k in range(uint(3)):
            block[RED + k * BLOCK + i] += shine


@compiled
def _encode(count, block):
    """RED: sRGB bytes of linear light, its bright end bent softly to white. OPACITY: times SHARE."""
    for i in range(count):
        for k in range(uint(3)):
            value = block[RED + k * BLOCK + i]
            over = max(value - f32(0.7), f32(0)) * f32(1 / 0.3 / 16)
            # exp(16 x) by the series for x and four squarings: exact to 1e-4 where it counts
            power = 1 + over * (1 + over * (f32(0.5) + over * (f32(1 / 6) + over * f32(1 / 24))))
            power = power * power
            power = power * power
            power = power * power
            power = power * power
            bent = min(value, f32(0.7)) + f32(0.3) * (1 - 1 / power)
            bent = min(max(bent, f32(0)), f32(1))
            block[RED + k * BLOCK + i] = TO_BYTE[i32(sqrt(bent) * f32(4096) + f32(0.5))]
        opacity = min(max(block[OPACITY + i], f32(0)), f32(1))
        block[OPACITY + i] = opacity * block[SHARE + i]


@compiled
def _step(low, high, value):
    """GLSL's smoothstep; `motion.easing.smoothstep` is the same for arrays."""
    share = min(max((value - low) / (high - low), f32(0)), f32(1))
    return share * share * (3 - 2 * share)
