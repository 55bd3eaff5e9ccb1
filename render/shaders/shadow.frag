#version 410 core
//FRAME
//VIDEO
in float dark;
out vec4 yuva;

void main() {
    yuva = video(shade.rgb, dark, vec3(0.0));
}
