/* The program `carrel-pull`: options, the catalogue, and the order of things.
 *
 * Exit codes are carrel's (cli/cli.h): 2 the command line, 3 a file that is not what it should be
 * (no GGUF, another SHA-256), 4 not there, 5 the network or the disk, 6 too slow or too many
 * redirects, 9 stopped. Everything goes to stderr but the list and, at the end, the file's path.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/pull/pull.h"

#define STALL_S 30
#define STALL_MOST_S 3600
#define RETRIES 5
#define RETRIES_MOST 100

typedef struct {
    const char *what, *folder, *sha256, *mirror, *catalogue;
    unsigned stall_s, retries;
    bool list, help, version;
} options;

static const char help[] =
    "carrel-pull NAME|URL fetches one model (GGUF) into carrel's model folder, and ends.\n"
    "\n"
    "It goes on where it was stopped, checks the size and the SHA-256 that the server states, and\n"
    "gives the file its name only when it is whole. Then: carrel model use NAME\n"
    "\n"
    "  --list            print the names that the catalogue has\n"
    "  -o, --output DIR  another folder (default: ~/.local/share/carrel/models)\n"
    "  --sha256 HEX      what the file must have; better than the server's own word\n"
    "  --mirror URL      take this in the place of the address's scheme and host; also "
    "CARREL_MIRROR\n"
    "  --catalogue FILE  another list of names\n"
    "  --timeout N       give a silent server N seconds (default 30)\n"
    "  --retries N       try N more times when nothing comes (default 5)\n"
    "  -h, --help        print this\n"
    "  --version         print the version\n"
    "\n"
    "Proxies: http_proxy, https_proxy, no_proxy. It fetches what you name and sends nothing of "
    "yours.\n";

static bool number(const char *name, const char *value, unsigned most, unsigned *out, error *err) {
    char *end;
    unsigned long v = *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : ULONG_MAX;
    if (v > most || *end)
        return error_set(err, ERROR_USAGE, "%s is a whole number up to %u, not \"%.60s\"", name,
                         most, value);
    *out = (unsigned)v;
    return true;
}

/* The value of --name VALUE or --name=VALUE, when that is what argument i is. */
static bool valued(const char *name, int count, char **argv, int *i, const char **out, error *err) {
    const char *arg = argv[*i];
    size_t n = strlen(name);
    if (strncmp(arg, name, n) != 0 || (arg[n] && arg[n] != '=')) return false;
    if (arg[n])
        *out = arg + n + 1;
    else if (*i + 1 < count)
        *out = argv[++*i];
    else
        *out = "";
    if (!**out) error_set(err, ERROR_USAGE, "%s needs a value", name);
    return true;
}

static bool parse_one(int count, char **argv, int *i, options *o, error *err) {
    const char *arg = argv[*i], *value = NULL;
    bool ok = true;
    if (strcmp(arg, "--list") == 0)
        o->list = true;
    else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        o->help = true;
    else if (strcmp(arg, "--version") == 0)
        o->version = true;
    else if (valued("--output", count, argv, i, &o->folder, err) ||
             valued("-o", count, argv, i, &o->folder, err) ||
             valued("--sha256", count, argv, i, &o->sha256, err) ||
             valued("--mirror", count, argv, i, &o->mirror, err) ||
             valued("--catalogue", count, argv, i, &o->catalogue, err))
        ok = err->code == ERROR_NONE;
    else if (valued("--timeout", count, argv, i, &value, err))
        ok = number("--timeout", value, STALL_MOST_S, &o->stall_s, err) && o->stall_s > 0;
    else if (valued("--retries", count, argv, i, &value, err))
        ok = number("--retries", value, RETRIES_MOST, &o->retries, err);
    else if (arg[0] == '-' && arg[1])
        ok = error_set(err, ERROR_USAGE,
                       "there is no option %.60s; `carrel-pull --help` lists them", arg);
    else if (o->what)
        ok = error_set(err, ERROR_USAGE, "one model at a time: \"%.60s\" and \"%.60s\" are two",
                       o->what, arg);
    else
        o->what = arg;
    if (!ok && err->code == ERROR_NONE)
        error_set(err, ERROR_USAGE, "--timeout 0 would give no server a chance");
    return ok;
}

static bool parse(int count, char **argv, options *o, error *err) {
    for (int i = 1; i < count; i++)
        if (!parse_one(count, argv, &i, o, err)) return false;
    if (o->help || o->version || o->list) return true;
    if (!o->what)
        return error_set(err, ERROR_USAGE,
                         "which model? `carrel-pull NAME|URL`; `carrel-pull --list` prints names");
    if (o->sha256 && (strlen(o->sha256) != 64 || strspn(o->sha256, "0123456789abcdefABCDEF") != 64))
        return error_set(err, ERROR_USAGE, "a SHA-256 is 64 hexadecimal digits");
    return true;
}

static error_code print_list(const options *o, error *err) {
    pull_catalogue c;
    if (!pull_catalogue_open(o->catalogue, &c, err)) return err->code;
    for (size_t i = 0; i < c.count; i++)
        printf("%-22.*s " STR_FMT " (" STR_FMT ")\n", STR_ARG(c.items[i].name),
               STR_ARG(c.items[i].purpose), STR_ARG(c.items[i].licence));
    pull_catalogue_close(&c);
    if (fflush(stdout) == 0 && !ferror(stdout)) return ERROR_NONE;
    error_set(err, ERROR_IO, "the list cannot be printed: %s", strerror(errno));
    return ERROR_IO;
}

/* NAME or URL, and then the mirror's. */
static bool choose(const options *o, text *url, text *name, error *err) {
    const char *mirror = o->mirror ? o->mirror : getenv("CARREL_MIRROR");
    text plain = {0};
    bool ok = true;
    if (pull_url_is(o->what)) {
        text_put(&plain, str_of(o->what));
        ok = pull_url_check(o->what, err);
    } else {
        pull_catalogue c;
        ok = pull_catalogue_open(o->catalogue, &c, err);
        const pull_entry *e = ok ? pull_catalogue_find(&c, o->what, err) : NULL;
        if (e) {
            text_put(&plain, e->url);
            pull_say(STR_FMT " (" STR_FMT ")", STR_ARG(e->purpose), STR_ARG(e->licence));
        }
        if (ok) pull_catalogue_close(&c);
        ok = e != NULL;
    }
    if (ok) ok = pull_url_name(plain.p, name, err);
    if (ok && mirror && *mirror)
        ok = pull_url_mirror(plain.p, mirror, url, err);
    else if (ok)
        text_put(url, text_str(&plain));
    text_free(&plain);
    return ok;
}

/* The bytes are all there: are they the right ones? */
static bool verify(const pull_job *job, const options *o, const pull_claim *claim, pull_part *p,
                   error *err) {
    char hex[65];
    const char *wanted = o->sha256 ? o->sha256 : claim->sha256;
    pull_part_digest(p, hex);
    if (p->length < sizeof p->head || memcmp(p->head, "GGUF", sizeof p->head) != 0)
        return error_set(err, ERROR_INPUT, "what came is no GGUF file, and is deleted");
    if (*wanted && !str_eq_nocase(str_of(hex), str_of(wanted)))
        return error_set(err, ERROR_INPUT,
                         "what came is not the file that it should be, and is deleted: its SHA-256 "
                         "is %s, by %s it is %s",
                         hex, o->sha256 ? "--sha256" : claim->header, wanted);
    if (*wanted)
        pull_say("SHA-256 %s, as %s says", hex, o->sha256 ? "--sha256" : claim->header);
    else
        pull_say("SHA-256 %s, with nothing to check it against: the server states none, and no "
                 "--sha256 was given",
                 hex);
    if (!o->sha256 && strncasecmp(job->url, "http:", 5) == 0)
        pull_say("it came over plain http: compare the SHA-256 with one that you trust");
    return true;
}

/* Whoever names a hash wants to know whether this is that file. */
static bool verify_done(const options *o, const pull_part *p, error *err) {
    char hex[65];
    if (!o->sha256) {
        pull_say("%s is there already; delete it to fetch it anew", p->target.p);
        return true;
    }
    if (!pull_part_digest_done(p, hex, err)) return false;
    if (!str_eq_nocase(str_of(hex), str_of(o->sha256)))
        return error_set(err, ERROR_INPUT,
                         "%s is there already, and is not the file that it should be: its SHA-256 "
                         "is %s, by --sha256 it is %s; delete it to fetch it anew",
                         p->target.p, hex, o->sha256);
    pull_say("%s is there already, and its SHA-256 is right", p->target.p);
    return true;
}

static bool pull_into(const options *o, const char *folder, const char *url, const char *name,
                      error *err) {
    pull_part p = {.fd = -1};
    pull_claim claim = {0};
    pull_job job = {url, o->stall_s, o->retries};
    bool done;
    text_put(&p.origin.url, str_of(url));
    bool ok = pull_part_open(folder, name, &p, &done, err);
    if (ok && done) {
        ok = verify_done(o, &p, err);
    } else if (ok) {
        if (p.length) {
            text have = {0};
            pull_put_bytes(&have, p.length);
            pull_say("going on behind the %s that are there", have.p);
            text_free(&have);
        }
        ok = pull_fetch(&job, &p, &claim, err);
        bool fetched = ok;
        if (ok) ok = verify(&job, o, &claim, &p, err);
        if (ok) ok = pull_part_finish(&p, err);
        /* Wrong bytes are nothing to go on from. */
        if (!ok && (fetched || err->code == ERROR_INPUT) && p.fd >= 0) pull_part_discard(&p, NULL);
    }
    if (ok) printf("%s\n", p.target.p);
    pull_part_close(&p);
    return ok;
}

static bool pull(const options *o, error *err) {
    text url = {0}, name = {0}, folder = {0};
    bool ok = choose(o, &url, &name, err);
    if (ok && o->folder)
        ok = cli_absolute(o->folder, &folder, err);
    else if (ok)
        ok = cli_model_folder(&folder, err);
    if (ok) ok = cli_make_folder(folder.p, err) && pull_lock(folder.p, pull_authorities(), err);
    if (ok) {
        cli_stop_watch();
        ok = pull_into(o, folder.p, url.p, name.p, err);
    }
    text_free(&url);
    text_free(&name);
    text_free(&folder);
    return ok;
}

int main(int argc, char **argv) {
    options o = {.stall_s = STALL_S, .retries = RETRIES};
    error err = {0};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit becomes an error with its name */
    if (!parse(argc, argv, &o, &err)) goto failed;
    if (o.help || o.version) {
        fputs(o.help ? help : "carrel-pull " CLI_VERSION "\n", stdout);
        return fflush(stdout) == 0 ? ERROR_NONE : ERROR_IO;
    }
    if (sodium_init() < 0) {
        error_set(&err, ERROR_INTERNAL, "libsodium cannot be started");
        goto failed;
    }
    if (o.list ? print_list(&o, &err) == ERROR_NONE : pull(&o, &err)) return ERROR_NONE;
failed:
    pull_say("%s", err.text);
    return (int)err.code;
}
