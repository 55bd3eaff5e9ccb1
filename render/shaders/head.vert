#version 410 core
//FRAME
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;

void main() {
    vec3 p = position - normal * deflate.w * step(deflate.z, dot(deflate.xy, position.yz));
    gl_Position = clip_from_head * vec4(p, 1.0);
}
