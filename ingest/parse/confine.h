/* confine: what the processes of carrel-parse and carrel-ocr take away from themselves before they see a byte of
 * a document. Two steps, because the parent must still fork and pass descriptors on:
 *
 *   confine_parent   Landlock (where the kernel has it), then a seccomp filter
 *   confine_child    rlimits, then a second filter that leaves no way to another process
 *
 * Neither can be undone, and a child inherits both.
 */
#ifndef CARREL_INGEST_CONFINE_H
#define CARREL_INGEST_CONFINE_H

#include "ingest/ingest.h"

/* Also prepares the child's filter. Only files below readable_folders can be opened from now on. *landlock_abi is 0 where the kernel has no Landlock: seccomp
 * then stands alone. Fails where the kernel refuses seccomp: nothing may be parsed then. */
bool confine_parent(const char *const *readable_folders, int *landlock_abi, error *err);
bool confine_child(const ingest_limits *limits, error *err);

/* memory.c: `flag` is set to 1 when an allocation fails in this process; for the parent to read,
 * it lies in shared memory. */
void confine_watch_memory(volatile uint32_t *flag);

#endif
