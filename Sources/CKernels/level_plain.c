#include "level.h"

#include "vector_plain.h"

#include "level_body.h"

const struct level *const plumb_level_plain = &table;
