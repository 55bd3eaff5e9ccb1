#version 410 core
//FRAME
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;   // x: darkness
out float dark;

void main() {
    gl_Position = clip_from_head * vec4(position, 1.0);
    // Some 4 mm nearer: the occluder is coarser than the skin this lies on.
    gl_Position.z -= 0.00035 * gl_Position.w;
    dark = normal.x;
}
