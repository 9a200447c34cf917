/* Patterns of .carrelignore: which files of a folder are not for the library.
 *
 * The rules are those of .gitignore, because people know them: a line is a pattern, # a comment, !
 * takes back, a slash at the end means folders, a slash before it ties the pattern to its folder,
 * ** stands for any folders. A test holds them against git's own answers. Matching is a walk with two
 * places to go back to (the last * and the last **), never recursion: a pattern of a hundred stars
 * costs its length times the path's. Nothing here touches a file but .carrelignore.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/folder.h"

/* Some thousand lines; what is longer is no list of patterns. */
#define IGNORE_MAX_BYTES (256u << 10)
#define NOWHERE SIZE_MAX

typedef struct {
    str glob;     /* without the marks below */
    bool negated; /* takes back what others ignore */
    bool folders; /* matches folders alone */
    bool tied;    /* to the folder of its list, by a slash; else it is for names at any depth */
} pattern;

struct cli_ignore {
    const cli_ignore *above;
    size_t base;
    pattern *items;
    size_t count, capacity;
    arena *a;
};

/* ---- one pattern -------------------------------------------------------------------------- */

typedef int class_fn(int);

static bool named_class(str name, unsigned char c, bool *known) {
    static const struct {
        const char *name;
        class_fn *is;
    } classes[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank},
                   {"cntrl", iscntrl}, {"digit", isdigit}, {"graph", isgraph},
                   {"lower", islower}, {"print", isprint}, {"punct", ispunct},
                   {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (str_eq(name, str_of(classes[i].name))) return c < 128 && classes[i].is(c) != 0;
    *known = false;
    return false;
}

/* "[a-z]" at p[at]: whether c is in it, and where it ends; NOWHERE when it has no end or no sense. */
static size_t match_class(str p, size_t at, unsigned char c, bool *matches) {
    bool negated = at + 1 < p.n && (p.p[at + 1] == '!' || p.p[at + 1] == '^');
    bool in = false, known = true;
    unsigned char before = 0; /* what a range can begin with */
    size_t i = at + 1 + negated;
    for (bool first = true;; first = false) {
        if (i >= p.n) return NOWHERE;
        unsigned char k = (unsigned char)p.p[i];
        if (k == ']' && !first) break;
        if (k == '-' && before && i + 1 < p.n && p.p[i + 1] != ']') {
            i++;
            if (p.p[i] == '\\' && ++i >= p.n) return NOWHERE;
            in = in || (before <= c && c <= (unsigned char)p.p[i]);
            before = 0;
            i++;
            continue;
        }
        size_t end =
            k == '[' && i + 1 < p.n && p.p[i + 1] == ':' ? str_find(p, STR("]"), i + 2) : NOWHERE;
        if (end != NOWHERE && end > i + 2 && p.p[end - 1] == ':') {
            in = named_class(str_cut(p, i + 2, end - 1), c, &known) || in;
            if (!known) return NOWHERE;
            before = 0;
            i = end + 1;
            continue;
        }
        if (k == '\\') {
            if (++i >= p.n) return NOWHERE;
            k = (unsigned char)p.p[i];
        }
        in = in || k == c;
        before = k;
        i++;
    }
    *matches = in != negated && c != '/';
    return i + 1;
}

/* One character of the path against what stands at p[at]; gives where the pattern goes on, or NOWHERE.
 * *hopeless: the pattern can match nothing at all. */
static size_t match_one(str p, size_t at, char c, bool *hopeless) {
    bool matches = false;
    switch (p.p[at]) {
    case '?':
        return c != '/' ? at + 1 : NOWHERE;
    case '[':
        at = match_class(p, at, (unsigned char)c, &matches);
        *hopeless = at == NOWHERE;
        return matches ? at : NOWHERE;
    case '\\':
        if (at + 1 >= p.n) {
            *hopeless = true;
            return NOWHERE;
        }
        return p.p[at + 1] == c ? at + 2 : NOWHERE;
    default:
        return p.p[at] == c ? at + 1 : NOWHERE;
    }
}

bool cli_ignore_matches(str p, str t) {
    size_t i = 0, j = 0, next;
    size_t star = NOWHERE, star_at = 0; /* behind the last *, and what it stands for ends here */
    size_t deep = NOWHERE, deep_at = 0; /* the same of the last ** and its slash */
    bool hopeless = false;
    while (!hopeless) {
        if (i < p.n && p.p[i] == '*') {
            size_t end = i;
            while (end < p.n && p.p[end] == '*') end++;
            bool apart = (i == 0 || p.p[i - 1] == '/') && (end == p.n || p.p[end] == '/');
            if (end - i >= 2 && apart) {
                if (end == p.n) return true;
                deep = i = end + 1;
                deep_at = j;
                star = NOWHERE;
            } else {
                star = i = end;
                star_at = j;
            }
            continue;
        }
        if (i == p.n && j == t.n) return true;
        next = i < p.n && j < t.n ? match_one(p, i, t.p[j], &hopeless) : NOWHERE;
        if (next != NOWHERE) {
            if (t.p[j] == '/') star = NOWHERE; /* a * ends where its folder does */
            i = next;
            j++;
        } else if (star != NOWHERE && star_at < t.n && t.p[star_at] != '/') {
            i = star;
            j = ++star_at;
        } else if (deep != NOWHERE && (next = str_find(t, STR("/"), deep_at)) != NOWHERE) {
            i = deep;
            j = deep_at = next + 1;
            star = NOWHERE;
        } else {
            return false;
        }
    }
    return false;
}

/* ---- lists -------------------------------------------------------------------------------- */

cli_ignore *cli_ignore_new(const cli_ignore *above, size_t base) {
    cli_ignore *list = mem_new(1, sizeof *list);
    list->above = above;
    list->base = base;
    list->a = arena_new();
    return list;
}

void cli_ignore_free(cli_ignore *list) {
    if (!list) return;
    arena_free(list->a);
    mem_free(list->items);
    mem_free(list);
}

/* Spaces at the end do not count, unless a backslash stands before them. */
static str trim_end(str line) {
    size_t end = NOWHERE;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == ' ') {
            if (end == NOWHERE) end = i;
            continue;
        }
        end = NOWHERE;
        if (line.p[i] == '\\') i++;
    }
    return end == NOWHERE ? line : str_cut(line, 0, end);
}

static void put_line(cli_ignore *list, str line) {
    pattern p = {0};
    if (line.n > 0 && line.p[line.n - 1] == '\r') line.n--;
    if (line.n == 0 || line.p[0] == '#') return;
    line = trim_end(line);
    if (line.n > 0 && line.p[0] == '!') {
        p.negated = true;
        line = str_cut(line, 1, line.n);
    }
    if (line.n > 0 && line.p[line.n - 1] == '/') {
        p.folders = true;
        line.n--;
    }
    p.tied = str_find(line, STR("/"), 0) != SIZE_MAX;
    if (line.n > 0 && line.p[0] == '/') line = str_cut(line, 1, line.n);
    if (line.n == 0) return;
    p.glob = arena_str(list->a, line);
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->items = mem_grow(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = p;
}

void cli_ignore_put(cli_ignore *list, str lines) {
    if (str_starts(lines, STR("\xef\xbb\xbf"))) lines = str_cut(lines, 3, lines.n);
    for (size_t at = 0; at < lines.n;) {
        size_t end = str_find(lines, STR("\n"), at);
        if (end == SIZE_MAX) end = lines.n;
        put_line(list, str_cut(lines, at, end));
        at = end + 1;
    }
}

bool cli_ignore_read(cli_ignore *list, const char *folder) {
    text path = {0}, lines = {0};
    char piece[4096];
    ssize_t n = 0;
    struct stat st;
    text_printf(&path, "%s/" CLI_IGNORE_FILE, folder);
    int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok = fd >= 0 || errno == ENOENT || errno == ENOTDIR;
    if (fd >= 0) {
        ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
        while (ok && lines.n <= IGNORE_MAX_BYTES && (n = read(fd, piece, sizeof piece)) > 0)
            text_put(&lines, (str){piece, (size_t)n});
        ok = ok && n >= 0 && lines.n <= IGNORE_MAX_BYTES;
        close(fd);
    }
    if (ok) cli_ignore_put(list, text_str(&lines));
    text_free(&path);
    text_free(&lines);
    return ok;
}

typedef enum { SILENT, IGNORES, TAKES_BACK } verdict;

static verdict decide(const cli_ignore *list, str path, bool folder) {
    str relative = str_cut(path, list->base, path.n), name = cli_file_name(relative);
    for (size_t i = list->count; i > 0; i--) {
        const pattern *p = &list->items[i - 1];
        if (p->folders && !folder) continue;
        if (cli_ignore_matches(p->glob, p->tied ? relative : name))
            return p->negated ? TAKES_BACK : IGNORES;
    }
    return SILENT;
}

bool cli_ignored(const cli_ignore *first, const cli_ignore *list, str path, bool folder) {
    verdict v = first ? decide(first, path, folder) : SILENT;
    for (; v == SILENT && list; list = list->above) v = decide(list, path, folder);
    return v == IGNORES;
}
