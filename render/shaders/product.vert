#version 410 core
// All light is computed here: a product has some thousand vertices and, oversampled, thirty thousand fragments.
// Left for the fragment is one sharp highlight, whose place is interpolated: st runs from -1 to 1 across the lamp.
//FRAME
//STUDIO
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 surface;   // metallic, roughness, transmission, glow
#ifdef TEXTURED
layout(location = 3) in vec2 texcoord;
layout(location = 4) in vec4 color;
out vec2 uv;
out vec3 light;      // display-referred factor on the texture
out vec3 gloss;      // display-referred reflection on top of it
#else
layout(location = 3) in vec4 color;
#endif
out vec4 base;       // premultiplied YUVA
out vec4 lamp;       // st, edge sharpness, presence
out vec3 spark;      // what the lamp's reflection adds, YUV

void main() {
    vec3 p = position;
    float along = max(0.0, (flex_span.x - p.z) / (flex_span.x - flex_span.y));
    // A pressed temple bows: it leaves the face early, and runs nearly straight at the ear. (Flex.bend)
    float bow = along < 1.0 ? along * (1.6 - 0.6 * along) : 0.6 + 0.4 * along;
    p.x += bow * (p.x < 0.0 ? flex_shift.x : flex_shift.y);
    p.y += along * flex_shift.z;
    gl_Position = clip_from_product * vec4(p, 1.0);

    vec3 v = normalize(-(camera_from_product * vec4(p, 1.0)).xyz);
    vec3 n = normalize(mat3(camera_from_product) * normal);
    float facing = dot(n, v);
#ifdef DOUBLE_SIDED
    n = facing < 0.0 ? -n : n;
    facing = abs(facing);
#else
    facing = clamp(facing, 0.0, 1.0);
#endif
    vec3 r = reflect(-v, n);
    float metallic = surface.x, roughness = surface.y;
    vec3 f0 = mix(vec3(0.04), color.rgb, metallic);
    vec2 ab = environment_brdf(facing, roughness);
    vec3 mirror = f0 * ab.x + ab.y;

#ifdef LENS
    vec3 st = window_place(r);
#else
    vec3 st = lamp_place(r);
#endif
    float blur = 0.04 + 1.3 * roughness * roughness;
    // A rough surface spreads the lamp: its light then comes with the rest of the room, below.
    float crisp = st.z * clamp(1.0 - 1.6 * roughness, 0.0, 1.0);
    float spread = 1.0 - clamp(1.0 - 1.6 * roughness, 0.0, 1.0);
    vec3 sharp = LAMP * key.w * crisp * mirror;
    vec3 mild = studio(r, roughness) + LAMP * key.w * spread * lobe(r, roughness);
#ifdef LENS
    mild = studio(r, 0.0);
    sharp = WINDOW * st.z * mirror;
    vec3 body = color.rgb * LENS_BODY * exposure.rgb;
    vec3 shown = display(body);
    vec3 sheen = body + mild * mirror * exposure.rgb;
    vec3 lit = display(sheen);
    base = video(shown, color.a, (lit - shown));
    spark = chroma(display(sheen + sharp * exposure.rgb) - lit);
    blur = 0.08;
#else
    vec3 diffuse = (1.0 - metallic) * daylight(n, exposure.a);
    vec3 shine = mild * mirror * exposure.rgb;
#ifdef TEXTURED
    light = display(diffuse * color.rgb * exposure.rgb);
    gloss = display(shine);
    base = vec4(1.0);
    vec3 lit = display(diffuse * color.rgb * 0.4 * exposure.rgb + shine);
    spark = chroma(display(diffuse * color.rgb * 0.4 * exposure.rgb + shine + sharp * exposure.rgb) - lit);
#else
    vec3 radiance = color.rgb * (diffuse * exposure.rgb + surface.w) + shine;
    vec3 lit = display(radiance);
    base = video(lit, 1.0, vec3(0.0));
    spark = chroma(display(radiance + sharp * exposure.rgb) - lit);
#endif
#endif
    // Not clamped yet: between two vertices of a long temple the fade would lose its shape.
    float presence = 1.0 - (flex_span.z - p.z) / flex_span.w;
    lamp = vec4(st.xy, 0.5 / blur, presence);
#ifdef TEXTURED
    uv = texcoord;
#endif
}
