#version 410 core
//FRAME
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 surface;
#ifdef TEXTURED
layout(location = 3) in vec2 texcoord;
layout(location = 4) in vec4 color;
out vec2 uv;
#else
layout(location = 3) in vec4 color;
#endif
out vec3 eye;        // camera frame, mm
out vec3 turned;
out vec4 material;
out vec4 tint;
out float presence;

void main() {
    vec3 p = position;
    float along = max(0.0, (flex_span.x - p.z) / (flex_span.x - flex_span.y));
    p.x += along * (p.x < 0.0 ? flex_shift.x : flex_shift.y);
    p.y += along * flex_shift.z;
    presence = clamp(1.0 - (flex_span.z - p.z) / flex_span.w, 0.0, 1.0);
    gl_Position = clip_from_product * vec4(p, 1.0);
    eye = (camera_from_product * vec4(p, 1.0)).xyz;
    turned = mat3(camera_from_product) * normal;
    material = surface;
    tint = color;
#ifdef TEXTURED
    uv = texcoord;
#endif
}
