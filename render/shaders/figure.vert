#version 410 core
// A standing figure in soft studio light, computed for each vertex: a body has some thousand of them, and no edge that
// light makes on skin or cloth is sharper than they are close.
//FRAME
//STUDIO
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 surface;   // openness to the sky, roughness, 1 for cloth
#ifdef TEXTURED
layout(location = 3) in vec2 texcoord;
layout(location = 4) in vec4 color;
out vec2 uv;
out vec3 light;      // display-referred factor on the texture
out vec3 gloss;      // display-referred reflection on top of it
#else
layout(location = 3) in vec4 color;
out vec4 base;       // premultiplied YUVA
#endif

void main() {
    gl_Position = clip_from_product * vec4(position, 1.0);
    vec3 v = normalize(-(camera_from_product * vec4(position, 1.0)).xyz);
    vec3 n = normalize(mat3(camera_from_product) * normal);
    float facing = dot(n, v);
#ifdef DOUBLE_SIDED
    float inside = facing < 0.0 ? 0.45 : 1.0;
    n = facing < 0.0 ? -n : n;
    facing = abs(facing);
#else
    float inside = 1.0;
    facing = clamp(facing, 0.0, 1.0);
#endif
    float cloth = surface.z, open = surface.x * inside;
    // What little light reaches a fold has been on skin or cloth before, and carries its colour.
    vec3 deep = mix(vec3(1.0), color.rgb, 0.5 * (1.0 - open));
    float dim = open * open * (1.5 - 0.5 * open);
    vec3 sky = mix(vec3(0.17, 0.16, 0.155), vec3(0.42, 0.43, 0.455), 0.5 + 0.5 * n.y);
    float turned = dot(n, key.xyz);
    float wrap = mix(0.30, 0.18, cloth);
    float lamp = clamp((turned + wrap) / (1.0 + wrap), 0.0, 1.0);
    float fill = clamp(dot(n, normalize(vec3(-0.8 * sign(key.x), 0.25, 0.55))), 0.0, 1.0);
    vec3 diffuse = sky * mix(0.18, 1.0, dim)
                 + vec3(1.0, 0.965, 0.92) * (0.95 * key.w * lamp * mix(0.25, 1.0, dim))
                 + vec3(0.90, 0.95, 1.0) * (0.12 * fill * dim);
    // A strip light behind, on either side: it parts the figure from what is behind it.
    float grazing = 1.0 - facing;
    float rim = grazing * grazing * grazing * smoothstep(-0.3, 0.5, abs(n.x) - 0.25 * abs(n.y)) * 0.42 * dim;
    vec3 r = reflect(-v, n);
    vec2 ab = environment_brdf(facing, surface.y);
    vec3 shine = (studio(r, surface.y) + LAMP * key.w * lobe(r, surface.y) * 0.6) * (0.035 * ab.x + ab.y) * dim;
    shine *= mix(0.8, 0.35, cloth);
    shine += rim * mix(vec3(0.55), color.rgb, 0.6 * cloth);
#ifdef TEXTURED
    light = display(diffuse * deep * color.rgb * exposure.rgb);
    gloss = display(shine * exposure.rgb) * 0.55;
    uv = texcoord;
#else
    base = video(display((diffuse * deep * color.rgb + shine) * exposure.rgb), 1.0, vec3(0.0));
#endif
}
