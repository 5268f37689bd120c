"""The picture's formula in GLSL, for both OpenGL backends; `shading._shade` is the same in Python, and a test compares them.

Wrapped diffuse light (redder and wider on skin, where light creeps under the surface), GGX highlights (Walter et al. 2007,
with Karis' visibility term), coloured ambient occlusion (Jimenez et al. 2016) and a soft shoulder for bright spots.
"""

from __future__ import annotations

from talkinghead.head.looks import creases
from talkinghead.rendering.scene import look
from talkinghead.rendering.scene.lights import Lights


def vector(values) -> str:
    """(x, y, z) -> a GLSL literal."""
    return f"vec3({', '.join(f'{v:.6f}' for v in values)})"


VERTEX = """#version 330 core
layout(location = 0) in vec3 position;
layout(location = NORMAL_LOC) in vec3 normal;
layout(location = TANGENT_LOC) in vec4 tangent; // share of ambient, key, fill and rim light
layout(location = TEXCOORD_0_LOC) in vec2 texcoord_0;
INPUTS
// centroid: a pixel that a thin hair only touches must not be coloured as if it were inside
centroid out vec3 at; centroid out vec3 towards; centroid out vec4 share; centroid out vec2 uv; centroid out float opacity;
centroid out vec2 drawn;
flat out vec3 tint; flat out vec2 surface;
void main() {
    at = position; towards = normal; share = tangent; uv = texcoord_0;
    tint = TINT; surface = SURFACE; opacity = FADE; drawn = DRAWN;
    gl_Position = MATRIX * vec4(position, 1.0);
}
"""

SHADE = f"""
const float MIRROR[{len(look.SPECULAR)}] = float[]({", ".join(str(look.SPECULAR[k]) for k in sorted(look.SPECULAR))});

vec3 shade(vec3 base, vec3 n, vec3 v, vec4 seen, float roughness, float kind) {{
    bool skin = kind < 0.5, eye = kind > 0.5 && kind < 1.5, hair = kind > 2.5;
    vec3 wrap = {vector(look.WRAP)} * (skin ? 1.0 : hair ? 0.6 : 0.35);
    float nv = dot(n, v);
    if (hair && nv < 0.0) {{ n = -n; nv = -nv; }}
    nv = clamp(nv, 0.04, 1.0);
    if (kind > 1.5 && !hair) seen = sqrt(seen); // light bounces between the walls of a wet mouth
    float ao = seen.x;
    vec3 bounced = (ao * (2.0404 * base - 0.3324) + (0.6417 - 4.7951 * base)) * ao + (2.7552 * base + 0.6903);
    vec3 open = max(vec3(ao), bounced * ao);
    vec3 around = mix(GROUND, SKY, 0.5 + 0.5 * n.y);
    vec3 colour = base * around * open;
    float a = roughness * roughness, a2 = a * a, k = 0.5 * a;
    float f0 = MIRROR[int(kind + 0.5)];
    for (int i = 0; i < 3; i++) {{
        float d = dot(n, LIGHT[i]), s = seen[i + 1];
        vec3 diffuse = clamp((d + wrap) / (1.0 + wrap), 0.0, 1.0);
        vec3 shadow = vec3(s) + s * (1.0 - s) * (skin ? vec3(0.35, 0.05, 0.0) : vec3(0.0));
        colour += base * POWER[i] * diffuse * diffuse * shadow;
        if (d > 0.0 && !eye) {{
            vec3 h = normalize(LIGHT[i] + v);
            float nh = dot(n, h), q = nh * nh * (a2 - 1.0) + 1.0, m = 1.0 - dot(v, h);
            float fresnel = f0 + (1.0 - f0) * m * m * m * m * m;
            float lobe = a2 / (q * q) * fresnel / ((d * (1.0 - k) + k) * (nv * (1.0 - k) + k)) * 0.25;
            colour += POWER[i] * min(lobe, 4.0) * d * s * GLOSS[i];
        }}
    }}
    float edge = 1.0 - nv; edge *= edge; edge *= edge;
    colour += around * ao * edge * (skin ? 0.10 : eye ? 0.25 : 0.05);
    if (eye) {{
        float mirror = dot(2.0 * dot(n, v) * n - v, normalize(v + CATCH));
        colour += (0.85 * smoothstep(0.972, 0.984, mirror) + 0.10 * smoothstep(0.80, 1.0, mirror)) * smoothstep(0.02, 0.25, ao);
    }}
    vec3 over = max(colour - 0.7, 0.0);
    return min(colour, 0.7) + 0.3 * (1.0 - exp(-over / 0.3));
}}
// share of the skin's light where a line, 0 to 1 as a byte, is drawn so far and so much blood is
vec3 creased(float line, vec2 drawn) {{
    float depth = (line * 255.0 - {creases.LEVEL}.0) / {creases.STEPS}.0 * drawn.x;
    vec3 change = min(depth, 0.0) * {vector(look.CREASE)} + max(depth, 0.0) * {look.RIDGE} + drawn.y * {vector(look.BLOOD)};
    return max(1.0 + change, {look.DARKEST});
}}
// of styles: the colour in `seen`, or lines along the edges of triangles, from which `seen.xyz` says how far a point is
vec3 painted(vec4 seen, vec3 tint, float kind) {{
    if (kind < 6.5) return seen.xyz;
    vec3 dx = dFdx(seen.xyz), dy = dFdy(seen.xyz);
    vec3 away = seen.xyz / max(sqrt(dx * dx + dy * dy), vec3(1e-6));
    return mix({vector(look.LINE)}, tint * seen.w, clamp(min(away.x, min(away.y, away.z)) + 0.1, 0.0, 1.0));
}}
vec3 linear(vec3 c) {{ return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c)); }}
vec3 encoded(vec3 c) {{ return mix(12.92 * c, 1.055 * pow(max(c, 0.0), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c)); }}
"""

FRAGMENT = (
    """#version 330 core
centroid in vec3 at; centroid in vec3 towards; centroid in vec4 share; centroid in vec2 uv; centroid in float opacity;
centroid in vec2 drawn; // depth of creases, blood
flat in vec3 tint; flat in vec2 surface;
uniform vec3 cam_pos;
uniform sampler2D picture;
out vec4 pixel;
LAMPS
"""
    + SHADE
    + """
void main() {
    if (surface.y > 5.5) { pixel = vec4(painted(share, tint, surface.y) * opacity, opacity); return; }
    vec4 texel = TEXEL;
    vec3 base = linear(texel.rgb) * tint * creased(texel.a, drawn);
    vec3 colour = encoded(shade(base, normalize(towards), normalize(cam_pos - at), share, surface.x, surface.y));
    pixel = vec4(colour * opacity, opacity);
}
"""
)


def fragment(lights: Lights, lines: str | None = None) -> str:
    """FRAGMENT with lights in it.

    lines: name of a sampler with the creases; None: the fourth channel of `picture`, by which browsers multiply colours.
    """
    directions, colours = (", ".join(vector(lamp[i]) for lamp in lights.lamps) for i in (0, 1))
    constants = [f"const vec3 LIGHT[3] = vec3[3]({directions});", f"const vec3 POWER[3] = vec3[3]({colours});"]
    constants.append(f"const float GLOSS[3] = float[3]({', '.join(map(str, lights.gloss))});")
    constants += [f"const vec3 {name.upper()} = {vector(getattr(lights, name))};" for name in ("sky", "ground", "catch")]
    texel = "texture(picture, uv)" if lines is None else f"vec4(texture(picture, uv).rgb, texture({lines}, uv).r)"
    if lines is not None:
        constants.append(f"uniform sampler2D {lines};")
    return FRAGMENT.replace("LAMPS", "\n".join(constants)).replace("TEXEL", texel)


def fill(text: str, words: dict[str, str]) -> str:
    """The source with each word in capitals replaced."""
    for word, value in words.items():
        text = text.replace(word, value)
    return text
