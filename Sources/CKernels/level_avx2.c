#define PLUMB_TILES 6
#include "level.h"
#include "product.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#include "vector_avx2.h"

#include "level_body.h"

const struct level *const plumb_level_avx2 = &table;
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
const struct level *const plumb_level_avx2 = NULL;
#endif
