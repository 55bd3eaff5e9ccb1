// A studio around the shopper in closed form: on a processor no texture is as cheap. Linear radiance.
const vec3 LAMP = vec3(3.0, 2.95, 2.85);
const vec2 LAMP_SIZE = vec2(0.62, 0.42);
const vec3 WINDOW = vec3(2.3, 2.5, 2.7);
const float LENS_BODY = 0.5;

vec3 lamp_place(vec3 r) {
    // Where the reflected ray meets the main light's plane, in half-widths of the lamp; z: 1 if it looks that way.
    vec3 side = normalize(cross(vec3(0.0, 1.0, 0.02), key.xyz));
    vec3 over = cross(key.xyz, side);
    float ahead = dot(r, key.xyz);
    return vec3(vec2(dot(r, side), dot(r, over)) / (max(ahead, 0.12) * LAMP_SIZE), smoothstep(0.05, 0.25, ahead));
}

vec3 window_place(vec3 r) {
    // A window in front of the shopper, a little to one side: what spectacle lenses show in photographs.
    float turn = key.x < 0.0 ? -1.0 : 1.0;
    vec3 ahead = vec3(0.30 * turn, 0.10, 0.948);
    vec3 side = vec3(0.953 * turn, 0.0, -0.302);
    vec3 over = vec3(-0.030 * turn, 0.995, -0.095);
    float facing = dot(r, ahead);
    // Leaning edges: the panes of a real lens are never square to the picture.
    vec2 at = vec2(dot(r, side) + 0.35 * dot(r, over), dot(r, over)) / max(facing, 0.12);
    return vec3(at / vec2(0.17, 0.30), smoothstep(0.1, 0.4, facing));
}

float lobe(vec3 r, float roughness) {
    // The main light seen by a rough mirror: a spherical Gaussian of the lamp's solid angle.
    float a = roughness * roughness;
    float k = 1.0 / (0.5 * a * a + 0.09);
    return exp2(1.44 * k * (dot(r, key.xyz) - 1.0)) * 0.25 * k / (0.25 * k + 1.0);
}

float band(float x, float centre, float half_width, float blur) {
    float t = clamp((half_width + blur - abs(x - centre)) / (2.0 * blur), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t) * min(1.0, half_width / blur);
}

vec3 studio(vec3 r, float roughness) {
    // Floor, walls and ceiling, a strip of light overhead and a tall fill opposite the main light.
    float blur = 0.10 + 0.9 * roughness;
    float sky = smoothstep(-blur, blur, r.y);
    float wall = mix(0.16, 0.52, clamp(0.5 + 0.5 * r.z, 0.0, 1.0));
    float room = mix(0.10, wall + 0.28 * max(r.y, 0.0), sky);
    float strip = band(r.y, 0.80, 0.10, 0.06 + 0.8 * roughness) * 1.5;
    float fill = band(r.x * sign(key.x), -0.72, 0.16, 0.08 + 0.8 * roughness) * smoothstep(-0.5, 0.1, r.z) * 1.1;
    return vec3(room + strip) + vec3(0.92, 0.97, 1.08) * fill;
}

vec3 daylight(vec3 n, float softness) {
    // Diffuse irradiance over pi: hemisphere plus a wrapped main light.
    float up = 0.5 + 0.5 * n.y;
    float wrapped = clamp(dot(n, key.xyz) * 0.7 + 0.3, 0.0, 1.0);
    return vec3(mix(0.30, 0.66, up) * mix(0.75, 1.0, softness) + 0.62 * wrapped * (1.3 - softness) * key.w);
}

vec2 environment_brdf(float facing, float roughness) {
    // Karis, "Physically Based Shading on Mobile", 2014.
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a004 = min(r.x * r.x, exp2(-9.28 * facing)) * r.x + r.y;
    return vec2(-1.04, 1.04) * a004 + r.zw;
}

vec3 display(vec3 linear) {
    // Straight until 0.7, then a shoulder: product colours stay what they are, highlights do not clip hard.
    vec3 over = max(linear - 0.7, 0.0);
    vec3 c = min(linear, 0.7) + over / (1.0 + over * 2.6);
    vec3 s1 = sqrt(c), s2 = sqrt(s1), s3 = sqrt(s2);
    return clamp(0.585122381 * s1 + 0.783140355 * s2 - 0.368262736 * s3, 0.0, 1.0);
}
