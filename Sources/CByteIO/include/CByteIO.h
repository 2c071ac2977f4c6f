#pragma once

#include <stddef.h>

/// Notes that `count` bytes from `begin` on are a file's, mapped. When they are taken away (the file
/// is cut short by another program, or its disk fails), the system sends SIGBUS, from which no
/// program can go on; the process then writes a sentence with `name` to standard error and ends
/// with status 2, instead of dying of the signal. Returns a number for `plumb_forget_mapping`, −1
/// when too many are noted already.
int plumb_note_mapping(const void *begin, size_t count, const char *name);

/// Takes a note back, before the bytes are unmapped.
void plumb_forget_mapping(int note);
