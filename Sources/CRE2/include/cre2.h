#pragma once
// RE2 for Swift: compile, match, captures. Patterns and texts are bytes with a length; nothing here throws.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dendro_regex dendro_regex;

/// Where a match may lie.
enum { DENDRO_REGEX_ANYWHERE = 0, DENDRO_REGEX_FULL = 1 };
/// Whether `.` matches a line feed.
enum { DENDRO_REGEX_DOT_ALL = 1 };

/// Compiles a pattern; never null. `max_bytes` bounds the program and the automaton's cache.
dendro_regex *dendro_regex_compile(const char *pattern, size_t size, int flags, int64_t max_bytes);
void dendro_regex_free(dendro_regex *regex);
/// The number of the error (0: none), in the order of RE2's error codes.
int dendro_regex_error_code(const dendro_regex *regex);
/// The part of the pattern that is wrong.
const char *dendro_regex_error_argument(const dendro_regex *regex, size_t *size);
/// 1 if the text matches. Bytes that are not UTF-8 count as U+FFFD each.
int dendro_regex_match(const dendro_regex *regex, const char *text, size_t size, int where);
/// Number of groups, group 0 not counted.
int dendro_regex_group_count(const dendro_regex *regex);
/// The name of group `index` (from 1), or null.
const char *dendro_regex_group_name(const dendro_regex *regex, int index);
/// The first match at or after `from`: start and end offsets of groups 0 ..< `groups` into `offsets` (-1 where a group
/// took no part). 1 if there is a match. The text must be UTF-8 (see `dendro_utf8_valid`).
int dendro_regex_find(
    const dendro_regex *regex, const char *text, size_t size, size_t from, int where, int64_t *offsets, int groups);
/// 1 if the bytes are UTF-8.
int dendro_utf8_valid(const char *text, size_t size);

#ifdef __cplusplus
}
#endif
