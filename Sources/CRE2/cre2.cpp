#include "cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <new>
#include <string>
#include <vector>

// The C face of RE2. One regex may be used by any number of threads at once: RE2 locks its caches itself.
struct dendro_regex {
    re2::RE2 compiled;
    std::vector<std::string> names;

    dendro_regex(const re2::StringPiece &pattern, const re2::RE2::Options &options) : compiled(pattern, options) {
        if (!compiled.ok()) return;
        names.resize(static_cast<size_t>(compiled.NumberOfCapturingGroups()) + 1);
        for (const auto &entry : compiled.CapturingGroupNames()) names[static_cast<size_t>(entry.first)] = entry.second;
    }
};

namespace {

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629), or 0.
size_t sequence(const unsigned char *text, size_t size, size_t at) {
    unsigned char first = text[at];
    if (first < 0x80) return 1;
    size_t count;
    unsigned char low = 0x80, high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) count = 2;
    else if (first >= 0xe0 && first <= 0xef) {
        count = 3;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        count = 4;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
    } else return 0;
    if (count > size - at || text[at + 1] < low || text[at + 1] > high) return 0;
    for (size_t index = 2; index < count; index++)
        if ((text[at + index] & 0xc0) != 0x80) return 0;
    return count;
}

// Offset of the first byte that is not UTF-8, or `size`.
size_t first_invalid(const unsigned char *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        while (size - at >= 8) {
            uint64_t word;
            std::memcpy(&word, text + at, 8);
            if (word & 0x8080808080808080ULL) break;
            at += 8;
        }
        if (at >= size) break;
        size_t count = sequence(text, size, at);
        if (count == 0) return at;
        at += count;
    }
    return size;
}

// The text with U+FFFD for each invalid byte: RE2 would let no `.` match such a byte, Go does.
std::string repaired(const unsigned char *text, size_t size) {
    std::string result;
    result.reserve(size + 16);
    for (size_t at = 0; at < size;) {
        size_t count = sequence(text, size, at);
        if (count == 0) {
            result.append("\xef\xbf\xbd");
            at += 1;
        } else {
            result.append(reinterpret_cast<const char *>(text) + at, count);
            at += count;
        }
    }
    return result;
}

re2::RE2::Anchor anchor(int where) {
    return where == DENDRO_REGEX_FULL ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
}

}  // namespace

extern "C" {

dendro_regex *dendro_regex_compile(const char *pattern, size_t size, int flags, int64_t max_bytes) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(max_bytes);
    options.set_dot_nl((flags & DENDRO_REGEX_DOT_ALL) != 0);
    return new dendro_regex(re2::StringPiece(pattern, size), options);
}

void dendro_regex_free(dendro_regex *regex) { delete regex; }

int dendro_regex_error_code(const dendro_regex *regex) { return static_cast<int>(regex->compiled.error_code()); }

const char *dendro_regex_error_argument(const dendro_regex *regex, size_t *size) {
    *size = regex->compiled.error_arg().size();
    return regex->compiled.error_arg().data();
}

int dendro_regex_match(const dendro_regex *regex, const char *text, size_t size, int where) {
    if (text == nullptr) text = "";
    auto bytes = reinterpret_cast<const unsigned char *>(text);
    if (first_invalid(bytes, size) < size) {
        std::string copy = repaired(bytes, size);
        return regex->compiled.Match(copy, 0, copy.size(), anchor(where), nullptr, 0) ? 1 : 0;
    }
    return regex->compiled.Match(re2::StringPiece(text, size), 0, size, anchor(where), nullptr, 0) ? 1 : 0;
}

int dendro_regex_group_count(const dendro_regex *regex) {
    return regex->compiled.ok() ? regex->compiled.NumberOfCapturingGroups() : 0;
}

const char *dendro_regex_group_name(const dendro_regex *regex, int index) {
    if (index < 1 || static_cast<size_t>(index) >= regex->names.size()) return nullptr;
    const std::string &name = regex->names[static_cast<size_t>(index)];
    return name.empty() ? nullptr : name.c_str();
}

int dendro_regex_find(
    const dendro_regex *regex, const char *text, size_t size, size_t from, int where, int64_t *offsets, int groups) {
    constexpr int capacity = 32;
    re2::StringPiece local[capacity];
    std::vector<re2::StringPiece> heap;
    re2::StringPiece *found = local;
    if (groups > capacity) {
        heap.resize(static_cast<size_t>(groups));
        found = heap.data();
    }
    if (text == nullptr) text = "";
    if (from > size) return 0;
    if (!regex->compiled.Match(re2::StringPiece(text, size), from, size, anchor(where), found, groups)) return 0;
    for (int index = 0; index < groups; index++) {
        bool took_part = found[index].data() != nullptr;
        offsets[2 * index] = took_part ? found[index].data() - text : -1;
        offsets[2 * index + 1] = took_part ? offsets[2 * index] + static_cast<int64_t>(found[index].size()) : -1;
    }
    return 1;
}

int dendro_utf8_valid(const char *text, size_t size) {
    if (text == nullptr) return 1;
    return first_invalid(reinterpret_cast<const unsigned char *>(text), size) == size ? 1 : 0;
}

}  // extern "C"
