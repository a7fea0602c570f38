/* The audition from end to end: us_audition_run() names the steps. */
#include "audition/audition.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "chat/prompt.h"
#include "dataset/dataset.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_CLASSES = 4, MAX_REPLIES = 100000 };
static const char *const measure_names[US_N_MEASURES] = {"likelihood", "retrieval", "replies", "openings", "gain",
                                                         "takes",      "chats",     "style",   "retention"};
/* 58 answers: no 95% interval of a share (Wilson 1927) is wider than 25 points, whatever the share. */
enum { QUICK_REPLIES = 58, QUICK_TOKENS = 40 };

const char *us_who_name(us_who w) {
    static const char *const names[US_N_WHO] = {"real", "base", "prompt", "adapter"};
    return (unsigned)w < US_N_WHO ? names[w] : "?";
}

bool us_audition_tell(us_audition *a, const char *stage, uint64_t done, uint64_t total) {
    return !a->o.progress || a->o.progress(a->o.progress_ctx, stage, done, total);
}

bool us_audition_in_part(const us_audition *a, const us_example *e) { return a->all_parts || e->part == a->part; }

/* ---- options --------------------------------------------------------------------------------------------------- */

/* Marks the names of a list with commas; NULL marks all. */
static us_status mark(const char *list, const char *what, const char *const *names, int first, int n, bool *out,
                      us_error *err) {
    for (int i = first; i < n; i++) out[i] = !list;
    for (const char *p = list; p && *p;) {
        size_t len = strcspn(p, ",");
        int i = first;
        while (i < n && (strlen(names[i]) != len || strncmp(names[i], p, len))) i++;
        if (i == n) {
            char known[200] = "";
            for (int k = first; k < n; k++)
                snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", k > first ? ", " : "", names[k]);
            return us_fail(err, US_ERR_ARGUMENT, "%s: no '%.*s'; there are %s", what, (int)(len < 60 ? len : 60), p, known);
        }
        out[i] = true;
        p += len + (p[len] == ',');
    }
    return US_OK;
}

static us_status parse_takes(us_audition *a, us_error *err) {
    const char *list = a->o.takes_list;
    int32_t shipped = a->o.takes ? a->o.takes : a->card->takes;
    if (shipped < 1 || shipped > US_MAX_TAKES)
        return us_fail(err, US_ERR_ARGUMENT, "takes: expected 1..%d, got %d", US_MAX_TAKES, shipped);
    a->n_takes = shipped;
    for (const char *p = list; p && *p;) {
        char *end;
        long v = strtol(p, &end, 10);
        if (end == p || v < 1 || v > US_MAX_TAKES || (*end && *end != ','))
            return us_fail(err, US_ERR_ARGUMENT, "takes: expected numbers of 1..%d with commas, got '%.40s'", US_MAX_TAKES,
                           list);
        if (a->n_counts == US_MAX_TAKE_COUNTS)
            return us_fail(err, US_ERR_ARGUMENT, "takes: at most %d numbers", US_MAX_TAKE_COUNTS);
        a->counts[a->n_counts++] = (int32_t)v;
        p = end + (*end == ',');
    }
    if (list || !a->measure[US_MEASURE_TAKES]) return US_OK;
    for (int32_t k = 1; k < shipped && a->n_counts < US_MAX_TAKE_COUNTS - 1; k *= 2)
        if (k != 2) a->counts[a->n_counts++] = k; /* those below the shipped number cost nothing: they are part of it */
    a->counts[a->n_counts++] = shipped;
    return US_OK;
}

/* What the five verdicts of the studio need, and no more. */
static void quick_options(us_audition_options *o) {
    if (!o->measures) o->measures = "retrieval,replies,style";
    if (!o->who) o->who = "base,adapter";
    if (!o->n_replies) o->n_replies = QUICK_REPLIES;
    if (!o->max_lines) o->max_lines = QUICK_REPLIES;
    if (!o->max_tokens) o->max_tokens = QUICK_TOKENS;
}

static us_status check_options(us_audition *a, us_error *err) {
    us_audition_options *o = &a->o;
    static const char *const who_names[US_N_WHO] = {"real", "base", "prompt", "adapter"};
    if (o->quick) quick_options(o);
    us_status st = mark(o->measures, "measures", measure_names, 0, US_N_MEASURES, a->measure, err);
    if (!st) st = mark(o->who, "who", who_names, US_WHO_BASE, US_N_WHO, a->who, err);
    if (st) return st;
    for (int m = US_MEASURE_OPENINGS; m <= US_MEASURE_STYLE; m++) /* they judge replies */
        if (a->measure[m] && m != US_MEASURE_CHATS) a->measure[US_MEASURE_REPLIES] = true;
    a->who[US_WHO_REAL] = true;
    if (!o->part) o->part = "test";
    a->all_parts = !strcmp(o->part, "all");
    while (!a->all_parts && a->part < US_N_PARTS && strcmp(o->part, us_part_name(a->part)) != 0) a->part++;
    if (a->part == US_N_PARTS)
        return us_fail(err, US_ERR_ARGUMENT, "part: expected train, validation, test or all, got '%.40s'", o->part);
    if (!o->n_replies) o->n_replies = 500;
    if (!o->n_seeds) o->n_seeds = 1;
    if (!o->max_lines) o->max_lines = 300;
    if (!o->max_tokens) o->max_tokens = 80;
    if (o->adapter_scale == 0) o->adapter_scale = 1;
    o->unnamed = o->unnamed == 0 ? 0.25 : o->unnamed < 0 ? 0 : o->unnamed;
    if (o->n_replies < 1 || o->n_replies > MAX_REPLIES || o->n_seeds < 1 || o->n_seeds > 1000 || o->max_lines < 1 ||
        o->max_lines > MAX_REPLIES || (int64_t)o->n_replies * o->n_seeds > MAX_REPLIES)
        return us_fail(err, US_ERR_ARGUMENT, "audition: expected 1..%d replies, seeds and lines, %d replies in all at most",
                       MAX_REPLIES, MAX_REPLIES);
    return US_OK;
}

/* ---- what is heard ------------------------------------------------------------------------------------------------ */

static us_status open_character(us_audition *a, us_error *err) {
    char *path = us_path_join(a->folder, "card.json");
    us_status st = path ? us_card_open(path, &a->card, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    if (!st) st = us_card_system(a->card, &a->system, err);
    if (!st && us_card_n_greetings(a->card)) st = us_card_fill_greeting(a->card, 0, NULL, &a->greeting, err);
    if (st) return st;
    const char *file = a->o.adapter ? a->o.adapter : a->card->adapter;
    if (a->who[US_WHO_ADAPTER]) {
        if (!file)
            return us_fail(
                err, US_ERR_NOT_FOUND,
                "%s has no adapter: train one ('understudy train'), or hear the model without one (--who base,prompt)",
                a->folder);
        a->adapter_path = a->o.adapter ? strdup(file) : us_path_join(a->folder, file);
        if (!a->adapter_path) return us_fail(err, US_ERR_MEMORY, "out of memory");
        if (!us_file_exists(a->adapter_path))
            return us_fail(err, US_ERR_NOT_FOUND,
                           "%s: there is no such adapter: train it ('understudy train'), or hear the model without one (--who "
                           "base,prompt)",
                           a->adapter_path);
        st = us_adapter_open(a->model, a->adapter_path, false, &a->adapter, err);
    }
    us_error why; /* a director of another base chooses nowhere */
    if (!st && (a->who[US_WHO_ADAPTER] || a->who[US_WHO_PROMPT]) &&
        us_director_find(a->model, a->folder, NULL, &a->director, &why))
        a->director = NULL;
    a->lambda = a->o.lambda == 0 ? a->card->weights.lambda : a->o.lambda < 0 ? 0 : a->o.lambda;
    a->sampler = a->o.sampler ? *a->o.sampler : a->card->sampler;
    if (!st) st = us_sampler_check(&a->sampler, err);
    return st;
}

static us_dataset_options set_options(const us_audition *a, const char *character, const char *system) {
    return (us_dataset_options){.character = character,
                                .system = system,
                                .history = a->card->history,
                                .validation = a->o.validation,
                                .test = a->o.test,
                                .unnamed = a->o.unnamed,
                                .seed = a->o.split_seed};
}

/* Lines of a class by part; the held-out ones are targets, in a seeded order, at most max_lines. */
static us_status take_lines(us_audition *a, us_class *c, us_error *err) {
    size_t n, n_turns;
    const us_example *e = us_dataset_get_examples(c->set, &n);
    const us_turn *t = us_dataset_get_turns(c->set, &n_turns);
    us_status st = us_alloc(n_turns, sizeof *c->train, &c->train, err);
    if (!st) st = us_alloc(n_turns, sizeof *c->held, &c->held, err);
    for (size_t x = 0; x < n && !st; x++)
        for (uint32_t k = 0; k < e[x].n_turns; k++) {
            const us_turn *turn = &t[e[x].first_turn + k];
            if (!turn->character) continue;
            if (e[x].part == US_TRAIN) c->train[c->n_train++] = turn->text;
            if (turn->target && us_audition_in_part(a, &e[x])) c->held[c->n_held++] = turn->text;
        }
    return st;
}

static us_status add_class(us_audition *a, const char *name, const char *system, us_class **out, us_error *err) {
    us_class *c = &a->classes[a->n_classes];
    us_dataset_options o = set_options(a, name, system);
    us_status st = us_dataset_build(a->script, &o, &c->set, err);
    if (st) return st;
    c->name = us_dataset_get_character(c->set);
    a->n_classes++;
    if ((st = take_lines(a, c, err))) return st;
    if (out) *out = c;
    return US_OK;
}

static bool is_class(const us_audition *a, const char *name) {
    for (uint32_t c = 0; c < a->n_classes; c++)
        if (!strcmp(a->classes[c].name, name)) return true;
    return false;
}

/* A folder of the cast: its card and adapter, when it has both and the script knows the name. */
static us_status add_member(us_audition *a, const char *folder, us_error *err) {
    char *card_path = us_path_join(folder, "card.json"), *adapter_path = NULL;
    us_card *card = NULL;
    us_class *c = NULL;
    us_adapter *adapter = NULL;
    char *system = NULL;
    uint32_t speaker;
    us_status st = card_path ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st || !us_file_exists(card_path)) goto out;
    if ((st = us_card_open(card_path, &card, err))) goto out;
    if (!card->adapter || us_script_find_speaker(a->script, card->name, &speaker, NULL) ||
        a->n_classes == US_ATTRIBUTION_MAX_CLASSES)
        goto out;
    if (!(adapter_path = us_path_join(folder, card->adapter)) || !us_file_exists(adapter_path)) goto out;
    if (is_class(a, card->name) && strcmp(card->name, a->classes[0].name)) goto out;
    if ((st = us_card_system(card, &system, err)) || (st = us_adapter_open(a->model, adapter_path, false, &adapter, err)))
        goto out;
    c = &a->classes[0];
    if (strcmp(card->name, c->name)) st = add_class(a, card->name, system, &c, err);
    if (!st && !c->adapter) {
        c->card = card;
        c->adapter = adapter;
        c->system = system;
        card = NULL, adapter = NULL, system = NULL;
    }
out:
    us_adapter_free(adapter);
    us_card_free(card);
    free(system);
    free(card_path);
    free(adapter_path);
    return st;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static us_status add_cast(us_audition *a, us_error *err) {
    DIR *d = opendir(a->o.cast_folder);
    char *folders[256];
    size_t n = 0;
    if (!d) return us_fail(err, US_ERR_NOT_FOUND, "%s: cannot open the folder of the cast", a->o.cast_folder);
    for (struct dirent *e; (e = readdir(d)) && n < 256;)
        if (e->d_name[0] != '.' && (folders[n] = us_path_join(a->o.cast_folder, e->d_name))) n++;
    closedir(d);
    qsort(folders, n, sizeof *folders, by_name); /* readdir's order is nobody's */
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) st = add_member(a, folders[i], err);
    for (size_t i = 0; i < n; i++) free(folders[i]);
    return st;
}

/* The character, the cast, and speakers with most lines until there are MIN_CLASSES. */
static us_status find_classes(us_audition *a, us_error *err) {
    size_t n;
    const us_speaker *sp = us_script_get_speakers(a->script, &n);
    us_status st = add_class(a, a->card->name, a->system, NULL, err);
    if (!st && a->adapter && !a->o.adapter) { /* the one who is heard is part of the cast */
        a->classes[0].system = strdup(a->system);
        st = us_adapter_open(a->model, a->adapter_path, false, &a->classes[0].adapter, err);
    }
    if (!st && a->o.cast_folder) st = add_cast(a, err);
    for (size_t i = 0; i < n && a->n_classes < MIN_CLASSES && !st; i++) {
        if (sp[i].joint || is_class(a, sp[i].name)) continue;
        st = add_class(a, sp[i].name, NULL, NULL, err);
        if (st == US_ERR_FORMAT) { /* the character answers nobody here: the next one */
            st = US_OK;
            continue;
        }
        const us_class *c = &a->classes[a->n_classes - 1];
        if (!st && (c->n_train < 20 || c->n_held < 10)) { /* too few lines to be told apart by */
            us_dataset_free(c->set);
            free(c->train);
            free(c->held);
            a->classes[--a->n_classes] = (us_class){0};
            break; /* the rest have fewer */
        }
    }
    return st;
}

/* Held-out targets in a seeded order. */
static us_status choose_targets(us_audition *a, us_error *err) {
    size_t n, n_turns;
    const us_example *e = us_dataset_get_examples(a->set, &n);
    const us_turn *t = us_dataset_get_turns(a->set, &n_turns);
    us_rng rng;
    us_status st = US_OK;
    for (size_t x = 0; x < n && !st; x++)
        for (uint32_t k = 0; k < e[x].n_turns && !st; k++)
            if (t[e[x].first_turn + k].target && us_audition_in_part(a, &e[x]))
                st = us_probes_add_target(&a->targets, a->set, &e[x], k, err);
    if (!st && !a->targets.n)
        st = us_fail(err, US_ERR_FORMAT,
                     "no line of '%s' is in the %s part of the script: a larger --test share, or --split all",
                     a->classes[0].name, a->all_parts ? "whole" : us_part_name(a->part));
    us_rng_seed(&rng, a->o.seed ^ 0x7a6765u);
    for (size_t i = a->targets.n; i > 1 && !st; i--) {
        size_t k = (size_t)us_rng_below(&rng, i);
        us_probe swap = a->targets.items[i - 1];
        a->targets.items[i - 1] = a->targets.items[k];
        a->targets.items[k] = swap;
    }
    return st;
}

/* The first n_replies targets are answered, the first max_lines scored. */
static us_status choose_prompts(us_audition *a, us_error *err) {
    us_status st = choose_targets(a, err);
    for (size_t i = 0; i < a->targets.n && i < (size_t)a->o.n_replies && !st; i++) {
        const us_probe *p = &a->targets.items[i];
        us_probe copy = *p;
        st = us_grow(&a->probes.items, &a->probes.cap, a->probes.n + 1, sizeof *a->probes.items, err);
        if (!st) st = us_alloc(p->n, sizeof *copy.messages, &copy.messages, err);
        if (st) break;
        memcpy(copy.messages, p->messages, p->n * sizeof *p->messages);
        a->probes.items[a->probes.n++] = copy;
    }
    if (!st && a->measure[US_MEASURE_OPENINGS]) st = us_probes_add_built_in(&a->probes, US_PROBE_OPENING, err);
    if (!st && a->o.prompts_file) st = us_probes_add_file(&a->probes, a->o.prompts_file, err);
    if (!st) st = us_probes_add_built_in(&a->probes, US_PROBE_PROVOKING, err);
    while (!st && a->targets.n > (size_t)a->o.max_lines) free(a->targets.items[--a->targets.n].messages);
    if (!st) a->n_answers = a->probes.n * (size_t)a->o.n_seeds;
    return st;
}

static us_status open_engine(us_audition *a, us_error *err) {
    us_engine_options o = {.n_threads = a->o.n_threads, .n_ctx = 32768, .n_seq_max = 320, .n_batch = 512};
    us_status st = us_model_get_template(a->model, &a->tpl, err);
    a->tok = us_model_get_tokenizer(a->model);
    while (!st && o.n_ctx > 8192 && us_engine_bytes(a->model, &o) > us_memory_available() / 2) o.n_ctx /= 2;
    return st ? st : us_engine_new(a->model, &o, &a->engine, err);
}

static us_status file_hash(const char *path, char out[65], us_error *err) {
    us_map m;
    us_status st = us_map_open(path, &m, err);
    if (st) return st;
    us_sha256_hex(m.data, m.size, out);
    us_map_close(&m);
    return US_OK;
}

/* What must be the same for a journal to be of this run. */
static us_status fingerprint(us_audition *a, char out[65], us_error *err) {
    us_buf b;
    char set[65], *card = json_dumps(a->card->root, JSON_COMPACT | JSON_SORT_KEYS), sampler[400];
    const us_audition_options *o = &a->o;
    us_buf_init(&b, (size_t)64 << 20);
    us_dataset_get_fingerprint(a->set, set);
    us_sampler_describe(&a->sampler, sampler, sizeof sampler);
    us_status st = card ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    us_model_get_hash(a->model, a->model_hash);
    if (!st && a->adapter) st = file_hash(a->adapter_path, a->adapter_hash, err);
    if (!st)
        st = us_buf_appendf(&b, err, "3 %s %s %s %s %s %g %d %d %d %d %d %llu %d %d", a->model_hash, a->adapter_hash, set, card,
                            sampler, o->adapter_scale, o->n_replies, o->n_seeds, o->max_lines, o->max_tokens, a->n_takes,
                            (unsigned long long)o->seed, a->all_parts, (int)a->part);
    if (!st && a->director) st = us_buf_append_str(&b, " director", err);
    for (int i = 0; i < a->n_counts && !st; i++) st = us_buf_appendf(&b, err, " %d", a->counts[i]);
    for (size_t i = 0; i < a->probes.n && !st; i++)
        for (size_t k = 0; k < a->probes.items[i].n && !st; k++)
            st = us_buf_append_str(&b, a->probes.items[i].messages[k].content, err);
    if (!st) us_sha256_hex(b.data, b.len, out);
    us_buf_fini(&b);
    free(card);
    return st;
}

static us_status prepare(us_audition *a, us_error *err) {
    char print[65];
    us_status st = check_options(a, err);
    if (!st) st = open_character(a, err);
    if (!st) st = parse_takes(a, err);
    if (!st) st = find_classes(a, err);
    if (!st) a->set = a->classes[0].set;
    if (!st) st = choose_prompts(a, err);
    if (!st) st = us_leaks_open(a->o.lexicon_file, &a->leaks, err);
    if (!st) a->train = a->classes[0].train, a->n_train = a->classes[0].n_train;
    if (!st) st = us_memory_new(&a->words, a->train, a->n_train, &a->memory, err);
    if (!st) st = open_engine(a, err);
    if (!st) st = us_card_phrase_tokens(a->card, a->tok, &a->phrases, &a->n_phrases, err);
    if (!st) st = fingerprint(a, print, err);
    if (!st) st = us_journal_open(a->o.journal, print, a->o.restart, &a->journal, err);
    if (!st && us_journal_n_found(a->journal))
        us_audition_tell(a, "an interrupted run goes on", us_journal_n_found(a->journal), 0);
    if (!st && !(a->flagged = json_array())) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    return st;
}

us_status us_audition_run(us_model *model, const us_script *script, const char *folder, const us_audition_options *options,
                          us_audition **out, us_error *err) {
    us_audition *a;
    us_status st = us_alloc(1, sizeof *a, &a, err);
    if (st) return st;
    if (options) a->o = *options;
    a->model = model;
    a->script = script;
    st = us_strdup(folder, &a->folder, err);
    if (!st) st = prepare(a, err);
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++) {
        if (a->who[w] && a->measure[US_MEASURE_REPLIES]) st = us_audition_answer(a, (us_who)w, err);
        if (a->who[w] && a->measure[US_MEASURE_CHATS] && !st) st = us_audition_chats(a, (us_who)w, err);
    }
    if (!st) st = us_measure_scores(a, err);
    if (!st) st = us_measure_text(a, err);
    if (!st) st = us_measure_style(a, err);
    if (!st) st = us_measure_retention(a, err);
    if (st) us_audition_free(a);
    else *out = a;
    return st;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

static void free_answer(us_answer *r) {
    for (int32_t i = 0; i < r->n_takes; i++) free(r->takes[i].text);
    free(r->takes);
}

static void free_who(us_audition *a, int w) {
    for (size_t i = 0; a->answers[w] && i < a->n_answers; i++) free_answer(&a->answers[w][i]);
    free(a->answers[w]);
    for (size_t c = 0; a->chats[w] && c < a->n_chats; c++) {
        for (size_t i = 0; i < a->chats[w][c].n; i++) free_answer(&a->chats[w][c].answers[i]);
        free(a->chats[w][c].answers);
        free(a->chats[w][c].said);
    }
    free(a->chats[w]);
    free(a->metrics[w].items);
    for (int i = 0; i < US_MAX_TAKE_COUNTS; i++) free(a->by_takes[w][i].items);
}

void us_audition_free(us_audition *a) {
    if (!a) return;
    for (int w = 0; w < US_N_WHO; w++) free_who(a, w);
    us_probes_fini(&a->probes);
    us_probes_fini(&a->targets);
    for (uint32_t c = 0; c < US_ATTRIBUTION_MAX_CLASSES; c++) {
        us_dataset_free(a->classes[c].set);
        us_card_free(a->classes[c].card);
        us_adapter_free(a->classes[c].adapter);
        free(a->classes[c].system);
        free(a->classes[c].train);
        free(a->classes[c].held);
    }
    us_attribution_free(a->style);
    us_memory_free(a->memory);
    us_leaks_free(a->leaks);
    us_words_fini(&a->words);
    us_journal_free(a->journal);
    us_engine_free(a->engine);
    us_adapter_free(a->adapter);
    us_director_free(a->director);
    us_card_free(a->card);
    for (size_t i = 0; i < a->n_phrases; i++) us_tokens_fini(&a->phrases[i]);
    free(a->phrases);
    free(a->tests);
    free(a->gates);
    free(a->gates_text);
    json_decref(a->flagged);
    free(a->system);
    free(a->greeting);
    free(a->adapter_path);
    free(a->folder);
    free(a);
}

const us_metric *us_audition_get_metrics(const us_audition *a, us_who who, size_t *n) {
    return *n = a->metrics[who].n, a->metrics[who].items;
}
const char *us_audition_character(const us_audition *a) { return a->card->name; }

const us_metric *us_audition_find(const us_audition *a, us_who who, const char *name) {
    for (size_t i = 0; i < a->metrics[who].n; i++)
        if (!strcmp(a->metrics[who].items[i].name, name)) return &a->metrics[who].items[i];
    return NULL;
}
