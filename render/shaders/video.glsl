vec3 chroma(vec3 rgb) {
    // BT.601 limited range, without the offsets: for light that is added.
    return vec3(dot(rgb, vec3(0.256788, 0.504129, 0.0979059)),
                dot(rgb, vec3(-0.148223, -0.290993, 0.439216)),
                dot(rgb, vec3(0.439216, -0.367788, -0.0714274)));
}

vec4 video(vec3 rgb, float alpha, vec3 added) {
    // Premultiplied BT.601 limited range; `added` comes on top of what is seen through.
    return vec4(vec3(0.0627451, 0.5019608, 0.5019608) * alpha + chroma(rgb * alpha + added), alpha);
}
