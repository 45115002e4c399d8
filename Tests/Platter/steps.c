// steps.c: takes its arguments as steps on files of the present folder, one after another, in one process: what
// `PlatterTests` lets the platter see.
//   write FILE TEXT (at the start)   cut FILE SIZE   rename FILE FILE   link FILE FILE   remove FILE
//   folder FOLDER   nofolder FOLDER   sync FILE|FOLDER
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int with_file(const char *path, int flags, const char *text, int (*sync)(int)) {
  int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  ssize_t written = text ? pwrite(fd, text, strlen(text), 0) : 0;
  int result = sync ? sync(fd) : written < 0 ? -1 : 0;
  close(fd);
  return result;
}

int main(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *step = words[i], *path = words[i + 1], *other = i + 2 < count ? words[i + 2] : "";
    int result = -1, takes = 1;
    if (strcmp(step, "write") == 0) result = with_file(path, O_WRONLY | O_CREAT, other, NULL), takes = 2;
    if (strcmp(step, "cut") == 0) result = truncate(path, atol(other)), takes = 2;
    if (strcmp(step, "rename") == 0) result = rename(path, other), takes = 2;
    if (strcmp(step, "link") == 0) result = link(path, other), takes = 2;
    if (strcmp(step, "remove") == 0) result = unlink(path);
    if (strcmp(step, "folder") == 0) result = mkdir(path, 0700);
    if (strcmp(step, "nofolder") == 0) result = rmdir(path);
    if (strcmp(step, "sync") == 0) result = with_file(path, O_RDONLY, NULL, fsync);
    if (result != 0) {
      perror(step);
      return 1;
    }
    i += takes - 1;
  }
  return 0;
}
