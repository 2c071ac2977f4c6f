// Included once by each level, after its vector header: all kernels, and the table LEVEL_TABLE.
#include "body_math.h"
#include "body_maps.h"
#include "body_norms.h"
#include "body_product.h"
#include "body_winograd.h"
#include "body_windows.h"
#include "body_moves.h"
#include "body_peak.h"

static const struct level table = {
    .unary = level_unary,
    .binary = level_binary,
    .gated = level_gated,
    .accumulate = level_accumulate,
    .epilogue = level_epilogue,
    .softmax = level_softmax,
    .exponentials = level_exponentials,
    .channel_sums = level_channel_sums,
    .scale_shift = level_scale_shift,
    .layer_norm = level_layer_norm,
    .transpose = level_transpose,
    .product = level_product,
    .winograd = level_winograd,
    .window_maximum = level_window_maximum,
    .window_sum = level_window_sum,
    .depthwise = level_depthwise,
    .multiply_adds = level_multiply_adds,
    .half_to_float = level_half_to_float,
    .float_to_half = level_float_to_half,
    .bfloat16_to_float = level_bfloat16_to_float,
    .float_to_bfloat16 = level_float_to_bfloat16,
};
