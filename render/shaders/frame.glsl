layout(std140) uniform Frame {
    mat4 clip_from_product;
    mat4 camera_from_product;
    mat4 clip_from_head;      // canonical head, scaled
    vec4 flex_span;           // hinge z, ear z, fade z, fade length
    vec4 flex_shift;          // left, right, drop at the ear
    vec4 exposure;            // rgb: light colour times exposure, a: softness
    vec4 key;                 // direction to the main light (camera frame), strength
    vec4 shade;               // the colour skin turns to in shadow, display rgb
    vec4 deflate;             // y, z of a plane's normal and its height: above it the head shrinks by w
};
