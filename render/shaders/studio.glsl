// A studio around the shopper, in closed form: no texture fetch is as cheap on a processor.
// Linear radiance from direction r, blurred for a surface of the given roughness.

float box_light(vec3 r, vec3 centre, vec3 across, vec3 up, vec2 half_size, float blur) {
    float ahead = dot(r, centre);
    vec2 at = vec2(dot(r, across), dot(r, up)) / max(ahead, 0.05);
    vec2 edge = clamp((half_size + blur - abs(at)) / (2.0 * blur), 0.0, 1.0);
    edge = edge * edge * (3.0 - 2.0 * edge);
    vec2 spread = min(half_size / blur, vec2(1.0));
    return ahead > 0.0 ? edge.x * edge.y * spread.x * spread.y : 0.0;
}

vec3 studio(vec3 r, float roughness) {
    float blur = 0.04 + 1.1 * roughness * roughness;
    float soft = 0.10 + 0.9 * roughness;
    // Floor, walls and ceiling; the wall behind the camera is what a face-on surface reflects.
    float sky = clamp(r.y / soft * 0.5 + 0.5, 0.0, 1.0);
    float wall = mix(0.20, 0.46, clamp(0.5 + 0.5 * r.z, 0.0, 1.0));
    float base = mix(0.13, wall + 0.30 * max(r.y, 0.0), sky);
    vec3 side = normalize(cross(vec3(0.0, 1.0, 0.0), key.xyz));
    vec3 over = cross(key.xyz, side);
    float lamp = box_light(r, key.xyz, side, over, vec2(0.75, 0.5), blur);
    float fill = box_light(r, normalize(vec3(-0.85 * sign(key.x), 0.25, 0.45)), vec3(0.468, 0.0, 0.884 * sign(key.x)),
                           vec3(0.0, 1.0, 0.0), vec2(0.22, 0.8), blur);
    float strip = box_light(r, vec3(0.0, 0.93, -0.37), vec3(1.0, 0.0, 0.0), vec3(0.0, 0.37, 0.93), vec2(1.4, 0.25), blur);
    return vec3(base) + vec3(2.6, 2.55, 2.45) * lamp * key.w + vec3(0.9, 0.95, 1.05) * fill + vec3(1.2) * strip;
}

vec3 daylight(vec3 n, float softness) {
    // Diffuse irradiance over pi: hemisphere plus a wrapped main light.
    float up = 0.5 + 0.5 * n.y;
    float wrapped = clamp(dot(n, key.xyz) * 0.72 + 0.28, 0.0, 1.0);
    return vec3(mix(0.34, 0.72, up)) * mix(0.75, 1.0, softness) + vec3(0.62 * wrapped * (1.25 - softness) * key.w);
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

vec4 video(vec3 rgb, float alpha, vec3 glow) {
    // Premultiplied BT.601 limited range; glow is light added on top of what is seen through.
    vec3 p = rgb * alpha + glow;
    return vec4(0.0627451 * alpha + dot(p, vec3(0.256788, 0.504129, 0.0979059)),
                0.5019608 * alpha + dot(p, vec3(-0.148223, -0.290993, 0.439216)),
                0.5019608 * alpha + dot(p, vec3(0.439216, -0.367788, -0.0714274)),
                alpha);
}
