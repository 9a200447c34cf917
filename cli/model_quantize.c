/* `carrel model quantize IN OUT --to TYPE`: the same model with smaller weights, as the engine
 * writes them; this is its progress and its words. OUT is a file where the user says, or a name, which
 * is made in the model folder.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/model.h"

static bool on_progress(void *context, uint64_t done, uint64_t total) {
    cli_progress *p = context;
    /* In MB, which is what the bar counts. */
    p->total = (size_t)(total / 1000000 + 1);
    cli_progress_step(p, (size_t)(done / 1000000), STR("MB"));
    return !cli_stopped();
}

static bool find_out(const char *out, text *path, error *err) {
    if (strchr(out, '/')) return cli_absolute(out, path, err);
    text folder = {0};
    bool ok = cli_model_folder(&folder, err) && cli_make_folder(folder.p, err);
    text_clear(path);
    if (ok) {
        bool named = str_ends(str_of(out), STR(".gguf"));
        text_printf(path, "%s/%s%s", folder.p, out, named ? "" : ".gguf");
    }
    text_free(&folder);
    return ok;
}

/* "q2_k, q3_k_m ..."; the engine knows which there are. */
static bool known_preset(const char *preset, error *err) {
    text all = {0};
    const char *const *names = engine_presets();
    for (size_t i = 0; names[i]; i++) {
        if (preset && str_eq_nocase(str_of(preset), str_of(names[i]))) {
            text_free(&all);
            return true;
        }
        text_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    error_set(err, ERROR_USAGE, "%s --to TYPE, one of %s", preset ? "no such format:" : "to which?",
              all.p);
    text_free(&all);
    return false;
}

static void tell(const model_facts *before, const model_facts *after, double seconds, bool json) {
    if (json) {
        cli_json_print(model_json(after), false);
        return;
    }
    text out = {0};
    cli_clean(&out, after->path);
    text_put(&out, STR(": "));
    cli_put_bytes(&out, after->d.file_bytes);
    text_printf(&out, " instead of ");
    cli_put_bytes(&out, before->d.file_bytes);
    text_printf(&out, " (" STR_FMT "), in %.1f s\n", STR_ARG(after->types), seconds);
    cli_put(text_str(&out));
    text_free(&out);
}

error_code model_quantize(const cli_args *args, const char *in, const char *out, const char *preset,
                          bool force, bool json) {
    error err = {0};
    text from = {0}, to = {0}, lower = {0};
    model_facts before, after;
    cli_progress progress;
    cli_compute compute;
    arena *a = arena_new();
    for (const char *c = preset; c && *c; c++)
        text_put_char(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c);
    bool ok = known_preset(preset, &err) && model_find(in, &from, &err) &&
              find_out(out, &to, &err) && model_look(from.p, MODEL_GLANCE, a, &before, &err);
    if (ok && !force && access(to.p, F_OK) == 0)
        ok = error_set(&err, ERROR_USAGE, "%s is there already: --force writes over it", to.p);
    if (ok) {
        cli_stop_watch();
        cli_compute_start(args, &compute);
        cli_progress_start(&progress, 0);
        engine_quantizing how = {lower.p, force, on_progress, &progress};
        pool *p = pool_new(compute.threads);
        double start = clock_ms();
        ok = engine_model_quantize(from.p, to.p, &how, p, &err);
        double seconds = (clock_ms() - start) / 1000;
        pool_free(p);
        cli_progress_end(&progress);
        if (ok) ok = model_look(to.p, MODEL_GLANCE, a, &after, &err);
        if (ok) tell(&before, &after, seconds, json);
    }
    arena_free(a);
    text_free(&from);
    text_free(&to);
    text_free(&lower);
    return ok ? ERROR_NONE : cli_fail(&err);
}
