#version 410 core
//VIDEO
#ifdef TEXTURED
in vec2 uv;
in vec3 light;
in vec3 gloss;
uniform sampler2D picture;
#else
in vec4 base;
#endif
out vec4 yuva;

void main() {
#ifdef TEXTURED
    yuva = video(min(texture(picture, uv).rgb * light + gloss, 1.0), 1.0, vec3(0.0));
#else
    yuva = base;
#endif
}
