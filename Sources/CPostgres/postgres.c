#define _GNU_SOURCE
#include "postgres.h"
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// The part of libpq's interface that is used (libpq-fe.h, stable since version 5 of the library).
enum { POLLING_FAILED = 0, POLLING_READING = 1, POLLING_WRITING = 2, POLLING_OK = 3, TUPLES_OK = 2 };

static struct {
  void *(*connect_start)(const char *const *keywords, const char *const *values, int expand);
  int (*connect_poll)(void *);
  int (*socket)(const void *);
  char *(*error_message)(const void *);
  int (*set_nonblocking)(void *, int);
  int (*send_query)(void *, const char *);
  int (*flush)(void *);
  int (*consume_input)(void *);
  int (*is_busy)(void *);
  void *(*get_result)(void *);
  int (*result_status)(const void *);
  int (*tuples)(const void *);
  void (*clear)(void *);
  void (*finish)(void *);
  int is_whole;
} pq;

static void load(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  struct {
    const char *name;
    void **place;
  } wanted[] = {
      {"PQconnectStartParams", (void **)&pq.connect_start},
      {"PQconnectPoll", (void **)&pq.connect_poll},
      {"PQsocket", (void **)&pq.socket},
      {"PQerrorMessage", (void **)&pq.error_message},
      {"PQsetnonblocking", (void **)&pq.set_nonblocking},
      {"PQsendQuery", (void **)&pq.send_query},
      {"PQflush", (void **)&pq.flush},
      {"PQconsumeInput", (void **)&pq.consume_input},
      {"PQisBusy", (void **)&pq.is_busy},
      {"PQgetResult", (void **)&pq.get_result},
      {"PQresultStatus", (void **)&pq.result_status},
      {"PQntuples", (void **)&pq.tuples},
      {"PQclear", (void **)&pq.clear},
      {"PQfinish", (void **)&pq.finish},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].place = dlsym(library, wanted[i].name);
    if (!*wanted[i].place) return;
  }
  pq.is_whole = 1;
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Waits until the connection can be read or written; 0 when the time is over.
static int wait_for(void *connection, short events, long long deadline) {
  for (;;) {
    long long left = deadline - now_ms();
    if (left <= 0) return 0;
    struct pollfd entry = {.fd = pq.socket(connection), .events = events};
    if (entry.fd < 0) return 1;
    int ready = poll(&entry, 1, (int)left);
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return 1;
  }
}

static int silent(char *message, size_t size) {
  snprintf(message, size, "no answer in time");
  return DENDRO_POSTGRES_SILENT;
}

static int complaint(void *connection, char *message, size_t size) {
  snprintf(message, size, "%s", pq.error_message(connection));
  return DENDRO_POSTGRES_REFUSED;
}

static int ask(void *connection, long long deadline, char *message, size_t size) {
  int state = POLLING_WRITING;
  while (state != POLLING_OK) {
    if (!wait_for(connection, state == POLLING_READING ? POLLIN : POLLOUT, deadline)) return silent(message, size);
    state = pq.connect_poll(connection);
    if (state == POLLING_FAILED) return complaint(connection, message, size);
  }
  if (pq.set_nonblocking(connection, 1) || !pq.send_query(connection, "SELECT 1"))
    return complaint(connection, message, size);
  for (;;) {
    int flushed = pq.flush(connection);
    if (flushed == 0) break;
    if (flushed < 0) return complaint(connection, message, size);
    if (!wait_for(connection, POLLIN | POLLOUT, deadline)) return silent(message, size);
    if (!pq.consume_input(connection)) return complaint(connection, message, size);
  }
  while (pq.is_busy(connection)) {
    if (!wait_for(connection, POLLIN, deadline)) return silent(message, size);
    if (!pq.consume_input(connection)) return complaint(connection, message, size);
  }
  void *result = pq.get_result(connection);
  int is_row = result && pq.result_status(result) == TUPLES_OK && pq.tuples(result) == 1;
  if (result) pq.clear(result);
  if (is_row) return DENDRO_POSTGRES_OK;
  complaint(connection, message, size);
  if (!*message) snprintf(message, size, "SELECT 1 gave no row");
  return DENDRO_POSTGRES_REFUSED;
}

int dendro_postgres_select_one(
    const char *host, const char *port, const char *user, const char *password, const char *database, int timeout_ms,
    char *message, size_t size) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (size > 0) *message = 0;
  if (!pq.is_whole) return DENDRO_POSTGRES_NO_LIBRARY;
  long long deadline = now_ms() + timeout_ms;
  const char *given[][2] = {{"host", host},         {"port", port},
                            {"user", user},         {"password", password},
                            {"dbname", database},   {"application_name", "dendro"},
                            {"gssencmode", "disable"}};
  const char *keywords[8] = {0}, *values[8] = {0};
  int count = 0;
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    if (!given[i][1] || !*given[i][1]) continue;
    keywords[count] = given[i][0];
    values[count++] = given[i][1];
  }
  void *connection = pq.connect_start(keywords, values, 0);
  if (!connection) {
    snprintf(message, size, "out of memory");
    return DENDRO_POSTGRES_REFUSED;
  }
  int outcome = ask(connection, deadline, message, size);
  pq.finish(connection);
  return outcome;
}
