#version 410 core
//FRAME
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;   // x: darkness
out float dark;

void main() {
    gl_Position = clip_from_head * vec4(position, 1.0);
    // Seven millimetres nearer: the occluder is coarser than the skin this lies on. 50.2 = 2 near far / (far - near).
    gl_Position.z -= 7.0 * 50.2 / gl_Position.w;
    dark = normal.x;
}
