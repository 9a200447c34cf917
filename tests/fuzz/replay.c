/* replay: runs a fuzz target over a saved corpus, without libFuzzer.
 *
 * Linked with one fuzz_NAME.c, it feeds every file of the folders (or the files) on the command
 * line to LLVMFuzzerTestOneInput, in the order of their names, so that whatever fuzzing once
 * found stays found on every machine that has a C compiler. Each input is copied to memory of
 * exactly its size, so that a sanitizer sees the first byte read behind it. A folder without one
 * input is an error: a corpus that got lost must not look like a corpus that passed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Seeds are kept small; a larger file is in the wrong folder. */
#define INPUT_BYTES_MAX (16L << 20)

static bool complain(const char *path, const char *what) {
    fprintf(stderr, "replay: %s: %s\n", path, what);
    return false;
}

static bool replay_file(const char *path, size_t bytes) {
    FILE *f = fopen(path, "rb");
    if (!f) return complain(path, strerror(errno));
    uint8_t *data = malloc(bytes ? bytes : 1);
    bool ok = data && fread(data, 1, bytes, f) == bytes;
    fclose(f);
    if (ok)
        LLVMFuzzerTestOneInput(data, bytes);
    else
        complain(path, "cannot be read");
    free(data);
    return ok;
}

static int not_hidden(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* Adds to *count. A name inside a folder that is itself a folder is passed over. */
static bool replay(const char *path, bool inside, size_t *count) {
    struct stat about;
    if (stat(path, &about) != 0) return complain(path, strerror(errno));
    if (S_ISREG(about.st_mode)) {
        if (about.st_size > INPUT_BYTES_MAX) return complain(path, "is too large for an input");
        ++*count;
        return replay_file(path, (size_t)about.st_size);
    }
    if (!S_ISDIR(about.st_mode) || inside) return true;
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, alphasort);
    if (n < 0) return complain(path, strerror(errno));
    bool ok = true;
    size_t before = *count;
    for (int i = 0; i < n; i++) {
        char name[4096];
        int length = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (length < 0 || (size_t)length >= sizeof name)
            ok = complain(path, "has a name in it that is too long");
        else
            ok = replay(name, true, count) && ok;
        free(entries[i]);
    }
    free(entries);
    return *count > before ? ok : complain(path, "holds no input");
}

int main(int argc, char **argv) {
    size_t count = 0;
    bool ok = argc > 1;
    if (!ok) fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
    for (int i = 1; i < argc; i++) ok = replay(argv[i], false, &count) && ok;
    printf("replayed %zu inputs\n", count);
    return ok ? 0 : 1;
}
