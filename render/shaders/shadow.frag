#version 410 core
in float dark;
out vec4 yuva;

void main() {
    yuva = vec4(0.0627451, 0.5019608, 0.5019608, 1.0) * dark;
}
