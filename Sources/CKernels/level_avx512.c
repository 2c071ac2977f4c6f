#define PLUMB_TILES 14
#include "level.h"
#include "product.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")
#endif
#include "vector_avx512.h"

#include "level_body.h"

const struct level *const plumb_level_avx512 = &table;
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
const struct level *const plumb_level_avx512 = NULL;
#endif
