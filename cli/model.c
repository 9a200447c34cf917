/* `carrel model`: the built-in models, and those that a user brings.
 *
 * A model is never fetched here: carrel has no way out; carrel-pull does that. Nothing is taken into
 * use that the engine has not loaded, so that a file that cannot run is refused now and not at the
 * first question. The verbs are in model_*.c; this file chooses one.
 */
#include <string.h>

#include "cli/model.h"

enum { MODEL_TO = CLI_GLOBALS, MODEL_CHAT, MODEL_DEFAULT, MODEL_FORCE };

typedef struct {
    const char *name;
    size_t least, most; /* operands behind the verb */
    const char *missing;
} verb;

static const verb verbs[] = {
    {"ls", 0, 0, ""},
    {"info", 0, 1, ""},
    {"use", 1, 1, "which model? `carrel model use NAME|FILE`, or `built-in`"},
    {"add", 1, 1, "which file? `carrel model add FILE`"},
    {"rm", 1, 1, "which model? `carrel model rm NAME`"},
    {"bench", 0, 1, ""},
    {"quantize", 2, 2, "from what to what? `carrel model quantize IN OUT --to TYPE`"},
};
#define VERBS (sizeof verbs / sizeof *verbs)

static const verb *find_verb(const char *name, error *err) {
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
        names[i] = verbs[i].name;
    }
    const char *near = cli_nearest(name, names, VERBS);
    error_set(err, ERROR_USAGE, "there is no `carrel model %s`; %s%s%s", name,
              near ? "did you mean `carrel model "
                   : "there are ls, info, use, add, rm, bench and quantize",
              near ? near : "", near ? "`?" : "");
    return NULL;
}

static error_code run(const cli_args *args) {
    error err = {0};
    const verb *v = find_verb(args->operand_count ? args->operands[0] : "ls", &err);
    size_t given = args->operand_count ? args->operand_count - 1 : 0;
    const char *first = given > 0 ? args->operands[1] : NULL;
    bool json = args->v[CLI_JSON].given, force = args->v[MODEL_FORCE].given;
    if (!v) return cli_fail(&err);
    const cli_value *back = &args->v[MODEL_DEFAULT];
    if (back->given && (strcmp(v->name, "use") != 0 || given > 0)) {
        error_set(&err, ERROR_USAGE, "--default is for `carrel model use`, without a name");
        return cli_fail(&err);
    }
    if (back->given) return model_use_default(args, (cli_role)back->number, json);
    if (given < v->least) {
        error_set(&err, ERROR_USAGE, "%s", v->missing);
        return cli_fail(&err);
    }
    if (given > v->most) {
        error_set(&err, ERROR_USAGE, "`carrel model %s` does not know what to do with \"%s\"",
                  v->name, args->operands[1 + v->most]);
        return cli_fail(&err);
    }
    if (strcmp(v->name, "ls") == 0) return model_ls(json);
    if (strcmp(v->name, "info") == 0) return model_info(first, json);
    if (strcmp(v->name, "use") == 0)
        return strcmp(first, "built-in") == 0
                   ? model_use_default(args, CLI_ROLES, json)
                   : model_use(args, first,
                               args->v[MODEL_CHAT].given ? args->v[MODEL_CHAT].text : NULL, json);
    if (strcmp(v->name, "add") == 0) return model_add(first, json);
    if (strcmp(v->name, "rm") == 0) return model_rm(first, force, json);
    if (strcmp(v->name, "bench") == 0) return model_bench(args, first, json);
    return model_quantize(args, first, args->operands[2],
                          args->v[MODEL_TO].given ? args->v[MODEL_TO].text : NULL, force, json);
}

static const cli_option options[] = {
    {.name = "to",
     .kind = CLI_TEXT,
     .value = "TYPE",
     .help = "of quantize: q8_0, q6_k, q4_k_m, q4_0 ..."},
    {.name = "chat",
     .kind = CLI_CHOICE,
     .value = "NAME",
     .choices = QUERY_CHAT_NAMES,
     .help = "of use: the chat format, where the file does not tell it"},
    {.name = "default",
     .kind = CLI_CHOICE,
     .value = "WHAT",
     .choices = "answers|embedding|reranking|all",
     .help = "of use: goes back to the built-in model for this"},
    {.name = "force",
     .kind = CLI_FLAG,
     .help = "rm: also the model in use; quantize: over a file that is there"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_model = {
    .name = "model",
    .operands = "[ls | info | use | add | rm | bench | quantize] ...",
    .most = 3,
    .summary = "list, choose and measure models",
    .details =
        "ls                    lists the built-in models and yours; * is in use\n"
        "info [NAME|FILE]      tells what a GGUF file is and whether it runs here\n"
        "use NAME|FILE         takes a GGUF file for what it is: a decoder writes the answers, a\n"
        "                      reranker orders the passages, an embedding model embeds the\n"
        "                      library anew (Ctrl-C stops, the same command goes on)\n"
        "use built-in          goes back to the built-in models; use --default WHAT to one\n"
        "add FILE              copies a model into the model folder\n"
        "rm NAME               deletes a model of the model folder\n"
        "bench [NAME|FILE]     measures it, beside what this machine can do at most\n"
        "quantize IN OUT --to TYPE\n"
        "                      writes the same model with smaller weights\n"
        "\n"
        "NAME is a file of the model folder (~/.local/share/carrel/models), or as much of the\n"
        "start of its name as tells it apart; rm takes the whole name. carrel fetches nothing: "
        "carrel-pull does.",
    .example = "  carrel-pull qwen2.5-0.5b && carrel model use qwen2.5-0.5b",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
