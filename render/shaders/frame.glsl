layout(std140) uniform Frame {
    mat4 clip_from_product;
    mat4 camera_from_product;
    mat4 clip_from_head;      // canonical head, scaled
    mat4 camera_from_head;
    mat4 shade_from_head;     // canonical head to the soft shadow's texture, z: facing weight
    vec4 flex_span;           // hinge z, ear z, fade z, fade length
    vec4 flex_shift;          // left, right, drop at the ear; shadow strength
    vec4 exposure;            // rgb: light colour times exposure, a: softness
    vec4 key;                 // direction to the main light (camera frame), strength
    vec4 deflate;             // plane (head frame, scaled mm): inside it the head shrinks; w: offset
};
