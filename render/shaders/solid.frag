#version 410 core
//FRAME
//STUDIO
in vec3 eye;
in vec3 turned;
in vec4 material;
in vec4 tint;
in float presence;
#ifdef TEXTURED
in vec2 uv;
uniform sampler2D picture;
#endif
out vec4 yuva;

void main() {
    vec3 v = normalize(-eye);
    vec3 n = normalize(turned);
    float facing = dot(n, v);
    n = facing < 0.0 ? -n : n;
    facing = abs(facing);
    vec3 base = tint.rgb;
#ifdef TEXTURED
    vec4 texel = texture(picture, uv);
    base *= texel.rgb * texel.rgb;
#endif
    float metallic = material.x, roughness = material.y;
    vec3 f0 = mix(vec3(0.04), base, metallic);
    vec2 ab = environment_brdf(facing, roughness);
    vec3 color = base * (1.0 - metallic) * daylight(n, exposure.a)
               + studio(reflect(-v, n), roughness) * (f0 * ab.x + ab.y);
    color = color * exposure.rgb + base * material.w;
    yuva = video(display(color), presence, vec3(0.0));
}
