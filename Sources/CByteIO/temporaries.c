#include "CByteIO.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, LONGEST = 4096 };

// A place is taken while `state` is not 0, and filled while it is 2.
static struct {
  atomic_int state;
  char path[LONGEST];
} notes[MOST];

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void handle(int number) {
  for (int i = 0; i < MOST; i++)
    if (atomic_load(&notes[i].state) == 2) unlink(notes[i].path);
  // It comes again when this returns, and ends the process as it would have done.
  signal(number, SIG_DFL);
  raise(number);
}

static void install(void) {
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct sigaction action;
    // Whoever handles or ignores it has reasons.
    if (sigaction(signals[i], NULL, &action) != 0 || action.sa_flags & SA_SIGINFO ||
        action.sa_handler != SIG_DFL)
      continue;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(signals[i], &action, NULL);
  }
}

int plumb_note_temporary(const char *path) {
  size_t length = strlen(path);
  if (length >= LONGEST) return -1;
  pthread_once(&once, install);
  for (int i = 0; i < MOST; i++) {
    int empty = 0;
    if (!atomic_compare_exchange_strong(&notes[i].state, &empty, 1)) continue;
    memcpy(notes[i].path, path, length + 1);
    atomic_store(&notes[i].state, 2);
    return i;
  }
  return -1;
}

void plumb_forget_temporary(int note) {
  if (note >= 0 && note < MOST) atomic_store(&notes[note].state, 0);
}
