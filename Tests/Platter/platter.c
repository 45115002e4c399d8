// platter.c: a disk for one folder that holds what was synced and nothing else. Preloaded into a server (LD_PRELOAD),
// it needs no root and works on any file system with hard links. `Platter.swift` makes the power cut of it.
//
// The model. PLATTER_DATA names the server's folder, PLATTER_DISK one beside it, on the same file system, with
//   files/<inode>  the bytes of a file as they were last synced,
//   names/<inode>  a folder as it was last synced, one entry a line: `f` or `d`, inode, name,
//   live/<inode>   one more name for the file as the server sees it.
// At the start of the process all that is in the folder is durable. From then on
//   fsync or fdatasync of a file   brings its bytes and size to the platter,
//   fsync or fdatasync of a folder brings its names there, as they are at that moment.
// Nothing else does: not close, not O_SYNC, not the sync of a file for the name of that file. The call returns when the
// platter has it, so that whatever the server tells anybody afterwards is there. A kill in the middle leaves of each
// byte the old or the new one, of each folder the old or the new names.
//
// Files are compared with the platter as a whole: what wrote to them, and how, need not be known. A number that the
// platter knows is never given to another file or folder while the server lives: `live` and open descriptors hold it.
//
// Limits. Kinds other than files and folders, modes and times are not kept. A rename from one folder to another counts
// for each of the two when that one is synced; the platter does not know that both belong together. sync, syncfs and
// msync count for nothing. A sync drops the fcntl locks of its file, so the server must be the only one there. The disk
// below is not asked to sync: the machine does not lose power, the platter does.
//
// PLATTER_IGNORE is a pattern (fnmatch) of paths below the folder, itself being the empty path, whose syncs reach
// nothing: so a test can show that it would see what is lost. PLATTER_SYNCS is a number: in place of that sync of
// anything in the folder the process is killed.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// A disk takes its time, or few cuts would find anything that is not synced.
enum { PIECE = 4096, CHUNK = 64 * PIECE, DELAY_MICROSECONDS = 3000 };

static const char *data;     // PLATTER_DATA; null where nothing is to be done
static int disk;             // PLATTER_DISK
static const char *ignored;  // PLATTER_IGNORE
static long syncs_left;      // of PLATTER_SYNCS; 0 or less for no end
// Held by syncs, and by renames: a name that moves while its folder is read might be seen nowhere.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// A platter that does not do what it says proves nothing: the server ends, and with it the test.
static void insist(int holds, const char *what) {
  if (holds) return;
  dprintf(2, "platter: %s: %s\n", what, strerror(errno));
  abort();
}

static char *named(char text[64], const char *kind, ino_t inode) {
  snprintf(text, 64, "%s/%llu", kind, (unsigned long long)inode);
  return text;
}

static char *descriptor_path(char text[64], int fd) {
  snprintf(text, 64, "/proc/self/fd/%d", fd);
  return text;
}

static int is_known(ino_t inode) {
  char live[64];
  return faccessat(disk, named(live, "live", inode), F_OK, 0) == 0;
}

// Gives the file one more name in `live` and an empty place on the platter.
// Returns its number; 0 if it has no name any more, or is no file.
static ino_t learn(int folder, const char *name, int flags) {
  char live[64], file[64];
  struct stat status;
  if (linkat(folder, name, disk, "live/new", flags) != 0) {
    insist(errno == ENOENT, "link");
    return 0;
  }
  insist(fstatat(disk, "live/new", &status, AT_SYMLINK_NOFOLLOW) == 0, "stat of a link");
  if (S_ISREG(status.st_mode) && !is_known(status.st_ino)) {
    int fd = openat(disk, named(file, "files", status.st_ino), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    insist(fd >= 0, "place for a file");
    close(fd);
    insist(linkat(disk, "live/new", disk, named(live, "live", status.st_ino), 0) == 0, "link");
  }
  insist(unlinkat(disk, "live/new", 0) == 0, "unlink");
  return S_ISREG(status.st_mode) ? status.st_ino : 0;
}

// Holds the folder's number for as long as the process lives.
static ino_t hold(int parent, const char *name) {
  static ino_t *held;
  static size_t count;
  struct stat status;
  int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return 0;
  insist(fstat(fd, &status) == 0, "stat of a folder");
  for (size_t i = 0; i < count; i++) {
    if (held[i] != status.st_ino) continue;
    close(fd);
    return status.st_ino;
  }
  held = realloc(held, (count + 1) * sizeof *held);
  insist(held != NULL, "memory");
  held[count++] = status.st_ino;
  return status.st_ino;
}

static void write_all(int fd, const char *bytes, size_t size, off_t offset) {
  while (size > 0) {
    ssize_t done = pwrite(fd, bytes, size, offset);
    insist(done > 0, "write");
    bytes += done;
    size -= (size_t)done;
    offset += done;
  }
}

// Bytes from `offset`; zeros where the file is shorter.
static void read_all(int fd, char *bytes, size_t size, off_t offset) {
  size_t done = 0;
  while (done < size) {
    ssize_t count = pread(fd, bytes + done, size - done, offset + (off_t)done);
    insist(count >= 0, "read");
    if (count == 0) break;
    done += (size_t)count;
  }
  memset(bytes + done, 0, size - done);
}

// The first byte from `offset` on that may not be zero.
static off_t next_data(int fd, off_t offset, off_t end) {
  off_t next = lseek(fd, offset, SEEK_DATA);
  if (next < 0) return errno == ENXIO ? end : offset;
  return next;
}

// Brings the bytes of an open file to the platter.
static void sync_file(int fd, ino_t inode) {
  static char live[CHUNK], old[CHUNK];
  char text[64];
  if (!is_known(inode) && learn(AT_FDCWD, descriptor_path(text, fd), AT_SYMLINK_FOLLOW) == 0) return;
  // The server's descriptor may be one that only writes, and has a position that is the server's.
  int source = open(descriptor_path(text, fd), O_RDONLY | O_CLOEXEC);
  insist(source >= 0, "open again");
  int target = openat(disk, named(text, "files", inode), O_RDWR | O_CLOEXEC);
  insist(target >= 0, "open on the platter");
  struct stat status;
  insist(fstat(source, &status) == 0, "stat");
  off_t offset = 0, end = status.st_size;
  while (offset < end) {
    off_t here = next_data(source, offset, end), there = next_data(target, offset, end);
    offset = (here < there ? here : there) & ~(off_t)(PIECE - 1);
    if (offset >= end) break;
    size_t size = end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;
    read_all(source, live, size, offset);
    read_all(target, old, size, offset);
    for (size_t at = 0; at < size; at += PIECE) {
      size_t piece = size - at < PIECE ? size - at : PIECE;
      if (memcmp(live + at, old + at, piece) != 0) write_all(target, live + at, piece, offset + (off_t)at);
    }
    offset += (off_t)size;
  }
  insist(ftruncate(target, end) == 0, "truncate");
  close(target);
  close(source);
}

// One line of a folder's list, if the entry is still there.
static void note(FILE *list, int folder, const char *name) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  ino_t inode = 0;
  if (S_ISDIR(status.st_mode)) inode = hold(folder, name);
  if (S_ISREG(status.st_mode)) inode = is_known(status.st_ino) ? status.st_ino : learn(folder, name, 0);
  if (inode != 0) fprintf(list, "%c %llu %s\n", S_ISDIR(status.st_mode) ? 'd' : 'f', (unsigned long long)inode, name);
}

static DIR *opened(int folder) {
  int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  insist(entries != NULL || errno == ENOENT, "open folder");
  return entries;
}

static int is_entry(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

// Brings the names in an open folder to the platter.
static void sync_folder(int folder) {
  ino_t inode = hold(folder, ".");
  DIR *entries = opened(folder);
  if (entries == NULL) return;  // it was removed
  char *text = NULL, names[64], finished[64];
  size_t size = 0;
  FILE *list = open_memstream(&text, &size);
  insist(list != NULL, "memory");
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (is_entry(entry)) note(list, folder, entry->d_name);
  }
  closedir(entries);
  insist(fclose(list) == 0, "memory");
  int fd = openat(disk, named(names, "names", 0), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  insist(fd >= 0, "list of names");
  write_all(fd, text, size, 0);
  close(fd);
  free(text);
  named(finished, "names", inode);
  insist(syscall(SYS_renameat2, disk, names, disk, finished, 0) == 0, "list of names");
}

// What is there when the process starts is durable.
static void sync_tree(int folder) {
  DIR *entries = opened(folder);
  insist(entries != NULL, "open folder");
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    struct stat status;
    int fd = is_entry(entry) ? openat(folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0) continue;
    insist(fstat(fd, &status) == 0, "stat");
    if (S_ISDIR(status.st_mode)) sync_tree(fd);
    if (S_ISREG(status.st_mode)) sync_file(fd, status.st_ino);
    close(fd);
  }
  closedir(entries);
  sync_folder(folder);
}

__attribute__((constructor)) static void begin(void) {
  const char *place = getenv("PLATTER_DISK");
  const char *path = getenv("PLATTER_DATA");
  if (place == NULL || path == NULL) return;
  unsetenv("LD_PRELOAD");  // a child would take what is not synced for durable
  ignored = getenv("PLATTER_IGNORE");
  const char *syncs = getenv("PLATTER_SYNCS");
  if (syncs != NULL) syncs_left = atol(syncs);
  disk = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  insist(disk >= 0 && folder >= 0, "open");
  sync_tree(folder);
  close(folder);
  data = realpath(path, NULL);
  insist(data != NULL, "path");
}

// Path of `fd` below the folder, "" for the folder itself; null if it is elsewhere.
static const char *inside(int fd, char path[4096]) {
  char text[64];
  ssize_t size = data == NULL ? -1 : readlink(descriptor_path(text, fd), path, 4095);
  if (size < 0) return NULL;
  path[size] = 0;
  size_t length = strlen(data);
  if (strncmp(path, data, length) != 0) return NULL;
  if (path[length] == 0) return path + length;
  return path[length] == '/' ? path + length + 1 : NULL;
}

static int synced(int fd, long call) {
  char path[4096];
  struct stat status;
  const char *name = inside(fd, path);
  if (name == NULL || fstat(fd, &status) != 0) return (int)syscall(call, fd);
  if (ignored != NULL && fnmatch(ignored, name, 0) == 0) return 0;
  usleep(DELAY_MICROSECONDS);
  pthread_mutex_lock(&lock);
  if (--syncs_left == 0) kill(getpid(), SIGKILL);
  if (S_ISDIR(status.st_mode)) sync_folder(fd);
  if (S_ISREG(status.st_mode)) sync_file(fd, status.st_ino);
  pthread_mutex_unlock(&lock);
  return 0;
}

static int renamed(int from, const char *old, int to, const char *new, unsigned flags) {
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_renameat2, from, old, to, new, flags);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int from, const char *old, int to, const char *new) { return renamed(from, old, to, new, 0); }
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
  return renamed(from, old, to, new, flags);
}
