#include "CByteIO.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1024 };

// A place is taken while `state` is not 0, and filled while it is 2. The handler reads what may be
// changed by other threads meanwhile: all is atomic, and nothing is freed that it could point to but
// at the very moment in which a file is unmapped.
static struct {
  atomic_int state;
  atomic_uintptr_t begin, end;
  _Atomic(char *) name;
} notes[MOST];

static struct sigaction before;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void put(const char *text) {
  size_t count = strlen(text);
  while (count > 0) {
    ssize_t done = write(STDERR_FILENO, text, count);
    if (done <= 0) return;
    text += done;
    count -= (size_t)done;
  }
}

static void handle(int signal, siginfo_t *information, void *context) {
  uintptr_t place = (uintptr_t)information->si_addr;
  for (int i = 0; i < MOST; i++) {
    if (atomic_load(&notes[i].state) != 2) continue;
    if (place < atomic_load(&notes[i].begin) || place >= atomic_load(&notes[i].end)) continue;
    put("plumb: ");
    put(atomic_load(&notes[i].name));
    put(" could not be read to its end: it was cut short meanwhile, or its disk fails\n");
    _exit(2);
  }
  // Not ours: it comes again when this returns, to whoever handled it before.
  sigaction(SIGBUS, &before, NULL);
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before);
}

int plumb_note_mapping(const void *begin, size_t count, const char *name) {
  pthread_once(&once, install);
  for (int i = 0; i < MOST; i++) {
    int empty = 0;
    if (!atomic_compare_exchange_strong(&notes[i].state, &empty, 1)) continue;
    char *copy = strdup(name);
    if (!copy) {
      atomic_store(&notes[i].state, 0);
      return -1;
    }
    atomic_store(&notes[i].name, copy);
    atomic_store(&notes[i].begin, (uintptr_t)begin);
    atomic_store(&notes[i].end, (uintptr_t)begin + count);
    atomic_store(&notes[i].state, 2);
    return i;
  }
  return -1;
}

void plumb_forget_mapping(int note) {
  if (note < 0 || note >= MOST) return;
  char *name = atomic_load(&notes[note].name);
  atomic_store(&notes[note].state, 1);
  free(name);
  atomic_store(&notes[note].state, 0);
}
