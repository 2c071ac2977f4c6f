#pragma once

#include <stddef.h>
#include <stdint.h>

// MARK: Mapped files

/// Notes that `count` bytes from `begin` on are a file's, mapped. When they are taken away (the file
/// is cut short by another program, or its disk fails), the system sends SIGBUS, from which no
/// program can go on; the process then writes a sentence with `name` to standard error and ends
/// with status 2, instead of dying of the signal. Returns a number for `plumb_forget_mapping`, −1
/// when too many are noted already.
int plumb_note_mapping(const void *begin, size_t count, const char *name);

/// Takes a note back, before the bytes are unmapped.
void plumb_forget_mapping(int note);

// MARK: Temporary files

/// Notes a file that is removed when SIGINT, SIGTERM or SIGHUP ends the process; it need not be there
/// yet. Signals that the process handles itself or ignores stay as they are. Returns a number for
/// `plumb_forget_temporary`, −1 when too many are noted already or the path is too long.
int plumb_note_temporary(const char *path);

/// Takes a note back: the file is gone, or is to stay.
void plumb_forget_temporary(int note);

// MARK: Byte planes (formats/plumb.md §4)

/// Takes `count` elements of `width` bytes apart: the lowest bytes of all, then the next ones, …, after
/// each element's bits were rotated left by one where asked. Little endian; width 1, which is copied, 2,
/// 4 or 8.
void plumb_split_planes(const uint8_t *source, size_t count, size_t width, int rotated,
                        uint8_t *planes);

/// The inverse.
void plumb_merge_planes(const uint8_t *planes, size_t count, size_t width, int rotated,
                        uint8_t *target);

// MARK: Coded parts (formats/plumb.md §4)

enum {
  /// It does not begin as a coded part does.
  PLUMB_CODED_KIND = 1,
  /// Its frequencies break a rule.
  PLUMB_CODED_TABLE,
  /// It has fewer or more words than its symbols take.
  PLUMB_CODED_SIZE,
  /// Its coders do not end where they began.
  PLUMB_CODED_STATE,
  PLUMB_CODED_CHECKSUM,
};

/// Codes `count` bytes into at most `capacity`. Returns the bytes written; 0 when these do not
/// suffice or nothing is to be gained.
size_t plumb_code_part(const uint8_t *source, size_t count, uint8_t *target, size_t capacity);

/// The inverse: fills `count` bytes. `level` bounds the instructions used: 0 plain, 1 AVX2, 2
/// AVX-512, as far as the processor has them. Returns 0, or what is wrong; `target` then holds
/// rubbish.
int plumb_decode_part(const uint8_t *source, size_t size, uint8_t *target, size_t count, int level);
