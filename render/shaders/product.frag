#version 410 core
//FRAME
//VIDEO
in vec4 base;
in vec4 lamp;
in vec3 spark;
#ifdef TEXTURED
in vec2 uv;
in vec3 light;
in vec3 gloss;
uniform sampler2D picture;
#endif
out vec4 yuva;

void main() {
    vec2 edge = clamp((1.0 - abs(lamp.xy)) * lamp.z + 0.5, 0.0, 1.0);
#ifdef TEXTURED
    vec4 color = video(min(texture(picture, uv).rgb * light + gloss, 1.0), 1.0, vec3(0.0));
#else
    vec4 color = base;
#endif
    yuva = vec4(color.rgb + spark * (edge.x * edge.y), color.a) * clamp(lamp.w, 0.0, 1.0);
}
