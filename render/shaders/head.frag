#version 410 core
//FRAME
in vec3 shade;
out vec4 yuva;
uniform sampler2D shadow;

void main() {
    float dark = texture(shadow, shade.xy).r * flex_shift.w * clamp(shade.z, 0.0, 1.0);
    yuva = vec4(0.0627451 * dark, 0.5019608 * dark, 0.5019608 * dark, dark);
}
