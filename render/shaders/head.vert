#version 410 core
//FRAME
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
out vec3 shade;

void main() {
    vec3 p = position;
    p -= normal * deflate.w * step(deflate.z, dot(deflate.xy, p.yz));
    gl_Position = clip_from_head * vec4(p, 1.0);
    vec4 at = shade_from_head * vec4(position, 1.0);
    shade = vec3(at.xy, (mat3(shade_from_head) * normal).z);
}
