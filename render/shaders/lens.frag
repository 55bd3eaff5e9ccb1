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
    n = dot(n, v) < 0.0 ? -n : n;
    float facing = dot(n, v);
    float fresnel = 0.04 + 0.96 * exp2(-9.28 * facing);
    vec4 base = tint;
#ifdef TEXTURED
    vec4 texel = texture(picture, uv);
    base *= vec4(texel.rgb * texel.rgb, texel.a);
#endif
    float alpha = base.a;
    vec3 shine = studio(reflect(-v, n), material.y * 0.5) * fresnel * exposure.rgb;
    vec3 body = base.rgb * 0.55 * exposure.rgb;
    vec3 glow = display(body * alpha + shine) - display(body * alpha);
    yuva = video(display(body), alpha * presence, glow * presence);
}
