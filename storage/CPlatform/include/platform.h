#pragma once
// Thin shims over what Swift's Glibc module cannot reach: allocator settings, the CRC32C instruction, thread niceness.
#include <stddef.h>
#include <stdint.h>

/// Keeps big buffers in the process between requests, few arenas, and little free memory at their ends.
void dendro_tune_allocator(void);
/// Gives free heap pages back to the kernel.
void dendro_trim_heap(void);
/// Memory of this process that is in RAM, in bytes; 0 when the system does not tell.
size_t dendro_resident_bytes(void);
/// CRC32C (Castagnoli) of `size` bytes, continuing from `crc` (0 to begin). Uses the CPU's instruction where there is
/// one.
uint32_t dendro_crc32c(uint32_t crc, const void *bytes, size_t size);
/// Niceness of the calling thread only (Linux threads carry their own).
int dendro_set_thread_nice(int nice);
/// Names the calling thread, at most 15 bytes.
void dendro_name_thread(const char *name);
/// CPU time of this process, user and system, in nanoseconds.
uint64_t dendro_process_cpu_ns(void);
