#pragma once
#include <stddef.h>

// libpq, looked for when it is first needed: dendro runs without it, and is built without its headers.

enum {
  DENDRO_POSTGRES_OK = 0,
  // Nobody answered, or not in time.
  DENDRO_POSTGRES_SILENT = 1,
  // What was answered is a complaint.
  DENDRO_POSTGRES_REFUSED = 2,
  DENDRO_POSTGRES_NO_LIBRARY = 3,
};

// Connects, asks SELECT 1 and leaves, within timeout_ms in all. Empty texts are left to libpq. What was complained of
// is written to message, size bytes with the zero at its end.
int dendro_postgres_select_one(
    const char *host, const char *port, const char *user, const char *password, const char *database, int timeout_ms,
    char *message, size_t size);
