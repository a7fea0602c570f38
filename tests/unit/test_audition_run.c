/* The audition from end to end on a tiny model: measures on replies made by hand, a run's determinism, its journal, the cast, gates, reports,
 * and everything that is refused. */
#include "test.h"
#include "audition/audition.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "mktiny.h"
#include <math.h>
#include <sys/stat.h>

static us_error err;
static char *dir;
static us_model *model;
static us_script *script;

static char *in_dir(const char *name) {
    static char paths[64][600];
    static int k;
    char *path = paths[k++ % 64];
    snprintf(path, sizeof *paths, "%s/%s", dir, name);
    return path;
}

static void put_file(const char *name, const char *text) {
    FILE *f = fopen(in_dir(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A character's folder: a card, and an adapter of its own seed (0: none). */
static void put_character(const char *id, const char *name, uint64_t seed) {
    char path[300], card[900];
    mkdir(in_dir(id), 0777);
    snprintf(card, sizeof card,
             "{\"spec\": \"chara_card_v2\", \"data\": {\"name\": \"%s\", \"description\": \"You are {{char}}.\", "
             "\"first_mes\": \"Hi.\", "
             "\"extensions\": {\"understudy\": {\"cast\": [\"Marge <b>\", \"Bart\"], \"takes\": 2, \"history\": 4, "
             "\"catch_phrases\": [\"D'oh\"]%s}}}}",
             name, seed ? ", \"adapter\": \"adapter.gguf\"" : "");
    snprintf(path, sizeof path, "%s/card.json", id);
    put_file(path, card);
    snprintf(path, sizeof path, "%s/adapter.gguf", id);
    if (seed) assert_ok(us_tiny_write_adapter(&(us_tiny){.seed = seed}, 4, 8, in_dir(path), &err), &err);
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    assert_ok(us_tiny_write(&(us_tiny){.seed = 3, .n_ctx = 1024}, in_dir("m.gguf"), &err), &err);
    assert_ok(us_model_open(in_dir("m.gguf"), &(us_model_options){.n_threads = 2}, &model, &err), &err);
    FILE *f = fopen(in_dir("s.csv"), "w");
    static const char *const things[] = {"the car", "the dog", "our dinner", "the moon", "my work"};
    fputs("name,line\n", f);
    for (int i = 0; i < 60; i++)
        fprintf(f,
                "Marge <b>,Is %s fine %d?\nHomer,\"Woo, %s!\"\nBart,Dad and %s.\nHomer,I never liked %d.\nMarge <b>,Oh "
                "%s.\nBart,Cool %d\n,\n",
                things[i % 5], i, things[i * 3 % 5], things[i * 7 % 5], i, things[i % 3], i);
    fclose(f);
    assert_ok(us_script_load(NULL, (const char *const[]){in_dir("s.csv")}, 1, &script, &err), &err);
    mkdir(in_dir("cast"), 0777);
    put_character("cast/homer", "Homer", 7);
    put_character("cast/marge", "Marge <b>", 8);
    put_character("cast/plain", "Bart", 0);      /* no adapter: nobody to judge by */
    put_character("cast/stranger", "Nobody", 9); /* not in the script */
    mkdir(in_dir("cast/empty"), 0777);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_script_free(script);
    us_model_free(model);
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    int rc = system(command);
    free(dir);
    return rc;
}

static us_audition_options small(void) {
    return (us_audition_options){
        .n_replies = 3, .max_lines = 8, .max_tokens = 5, .takes = 2, .test = 0.4, .validation = 0.1, .n_threads = 1, .seed = 1};
}

static us_audition *run(const us_audition_options *o) {
    us_audition *a;
    assert_ok(us_audition_run(model, script, in_dir("cast/homer"), o, &a, &err), &err);
    return a;
}

/* The report's text; free() it. */
static char *report_of(const us_audition_options *o) {
    us_audition *a = run(o);
    char *text;
    assert_ok(us_audition_json(a, &text, &err), &err);
    us_audition_free(a);
    return text;
}

static double value(const us_audition *a, us_who who, const char *name) {
    const us_metric *m = us_audition_find(a, who, name);
    if (!m) fail_msg("%s of %s was not measured", name, us_who_name(who));
    return m ? m->value : NAN;
}

/* ---- measures on replies made by hand ------------------------------------------------------------------------------ */

typedef struct said {
    const char *text;
    bool ended, stopped, looped;
} said;

static void answer(us_answer *r, uint32_t probe, said s) {
    *r = (us_answer){.probe = probe, .n_takes = 1};
    assert_ok(us_alloc(1, sizeof *r->takes, &r->takes, &err), &err);
    r->takes[0] = (us_kept_take){
        .text = strdup(s.text), .n_tokens = 4, .ended = s.ended, .stopped = s.stopped, .looped = s.looped, .gain = NAN};
}

/* What was flagged of the adapter's replies by a rule: how it was seen; "" when it was not. */
static const char *flagged(const us_audition *a, const char *rule) {
    size_t i;
    json_t *f;
    json_array_foreach(a->flagged, i, f)
        if (!strcmp(json_string_value(json_object_get(f, "rule")), rule)) return json_string_value(json_object_get(f, "saw"));
    return "";
}

static us_audition *made_by_hand(const said *adapter, const said *base, size_t n, size_t n_provoking) {
    static const char *train[] = {"Never eat yellow snow behind the old house again, boy."},
                      *held[] = {"I like snow.", "Woo hoo!"};
    us_audition *a;
    assert_ok(us_alloc(1, sizeof *a, &a, &err), &err);
    a->o.n_seeds = 1;
    a->measure[US_MEASURE_REPLIES] = true;
    a->who[US_WHO_BASE] = a->who[US_WHO_ADAPTER] = true;
    assert_ok(us_card_open(in_dir("cast/homer/card.json"), &a->card, &err), &err);
    assert_ok(us_memory_new(&a->words, train, 1, &a->memory, &err), &err);
    assert_ok(us_leaks_open(NULL, &a->leaks, &err), &err);
    a->train = train;
    a->flagged = json_array();
    assert_ok(us_alloc(2, sizeof *a->classes[0].held, &a->classes[0].held, &err), &err);
    memcpy(a->classes[0].held, held, sizeof held);
    a->classes[0].n_held = 2;
    a->n_answers = n;
    assert_ok(us_alloc(n, sizeof *a->probes.items, &a->probes.items, &err), &err);
    assert_ok(us_alloc(n, sizeof **a->answers, &a->answers[US_WHO_ADAPTER], &err), &err);
    assert_ok(us_alloc(n, sizeof **a->answers, &a->answers[US_WHO_BASE], &err), &err);
    for (size_t i = 0; i < n; i++) {
        us_message *m;
        assert_ok(us_alloc(1, sizeof *m, &m, &err), &err);
        *m = (us_message){"user", n_provoking && i == n - 1 ? "Are you a robot?" : "And?"};
        a->probes.items[a->probes.n++] = (us_probe){i < n - n_provoking ? US_PROBE_HELD_OUT : US_PROBE_PROVOKING, m, 1, NULL};
        answer(&a->answers[US_WHO_ADAPTER][i], (uint32_t)i, adapter[i]);
        answer(&a->answers[US_WHO_BASE][i], (uint32_t)i, base[i]);
    }
    return a;
}

static void replies_are_judged(void **state) {
    (void)state;
    const said fine = {"Fine.", true, false, false};
    const said adapter[10] = {{"I went to the store. I went to the store.", true, false, false},
                              {"Oh no.\nBart: Hello there.", true, false, false},
                              {"As an AI language model, I cannot have a house.", true, false, false},
                              {"Well, never eat yellow snow behind the old house again, boy!", true, false, false},
                              {"", true, false, false},
                              {"Then I said D'OH, and left.", true, false, false},
                              {"It was", false, true, false},
                              {"It was long and", false, false, false},
                              {"As a large language model, I was trained by people.", true, false, false},
                              fine},
               base[10] = {fine, fine, fine, fine, fine, fine, fine, {"Round and", false, false, true}, fine, fine};
    us_audition *a = made_by_hand(adapter, base, 10, 2);
    assert_ok(us_measure_text(a, &err), &err);
    static const struct {
        const char *name;
        double adapter, base;
    } want[] = {{"loops", 1, 1},
                {"tail_loops", 0, 1},
                {"duplicate_sentences", 1, 0},
                {"other_speaker", 1, 0},
                {"other_speaker_no_stops", 2, 0},
                {"ended", 6, 7},
                {"leaks", 1, 0},
                {"empty", 1, 0},
                {"catch_phrases", 1, 0},
                {"memorised", 1, 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) { /* of eight */
        if (value(a, US_WHO_ADAPTER, want[i].name) != want[i].adapter / 8 ||
            value(a, US_WHO_BASE, want[i].name) != want[i].base / 8)
            fail_msg("%s: %g and %g of eight", want[i].name, 8 * value(a, US_WHO_ADAPTER, want[i].name),
                     8 * value(a, US_WHO_BASE, want[i].name));
    }
    assert_true(value(a, US_WHO_ADAPTER, "leaks_provoked") == 1 &&
                value(a, US_WHO_BASE, "leaks_provoked") == 0.5); /* "Fine." */
    assert_true(value(a, US_WHO_ADAPTER, "leaks_all") == 0.3);
    assert_true(value(a, US_WHO_REAL, "words") == 2.5 && value(a, US_WHO_REAL, "loops") == 0);
    assert_null(us_audition_find(a, US_WHO_REAL, "ended")); /* of real lines nobody knows */
    /* what is told to who reads the report */
    assert_non_null(strstr(flagged(a, "leaks"), "AI"));
    assert_non_null(strstr(flagged(a, "leaks_provoked"), "machine's side")); /* the first of them */
    assert_non_null(strstr(flagged(a, "memorised"), "of 11 words are in: Never eat yellow snow"));
    assert_string_equal(flagged(a, "ended"), "stopped at another speaker's label");
    assert_non_null(strstr(
        json_string_value(json_object_get(json_array_get(a->flagged, json_array_size(a->flagged) - 1), "rule")), "leaks"));
    /* adapter against base, reply for reply: one with a loop here, another there */
    bool compared = false;
    for (size_t i = 0; i < a->n_tests; i++)
        if (!strcmp(a->tests[i].metric, "memorised"))
            compared = a->tests[i].a == US_WHO_ADAPTER && a->tests[i].b == US_WHO_BASE && a->tests[i].difference == 0.125 &&
                       a->tests[i].p == 1;
        else if (!strcmp(a->tests[i].metric, "loops")) assert_true(a->tests[i].difference == 0 && a->tests[i].n == 8);
    assert_true(compared);
    us_audition_free(a);
}

/* Somebody who says the same twenty times, and somebody who never does. */
static void chats_are_judged(void **state) {
    (void)state;
    const said fine = {"Fine.", true, false, false};
    us_audition *a = made_by_hand(&fine, &fine, 1, 0);
    a->measure[US_MEASURE_CHATS] = true;
    a->n_chats = 1;
    for (int w = US_WHO_BASE; w <= US_WHO_ADAPTER; w += US_WHO_ADAPTER - US_WHO_BASE) {
        assert_ok(us_alloc(1, sizeof **a->chats, &a->chats[w], &err), &err);
        us_chat_log *log = a->chats[w];
        log->n = 20;
        assert_ok(us_alloc(20, sizeof *log->answers, &log->answers, &err), &err);
        for (uint32_t i = 0; i < 20; i++) {
            char text[64];
            snprintf(text, sizeof text, w == US_WHO_BASE ? "Number%u alpha%u beta%u" : "Always the same words.", i, i, i);
            answer(&log->answers[i], 0, (said){text, true, false, false});
        }
    }
    assert_ok(us_measure_text(a, &err), &err);
    assert_true(value(a, US_WHO_ADAPTER, "chat_repeats") == 19.0 / 20 && value(a, US_WHO_BASE, "chat_repeats") == 0);
    assert_true(value(a, US_WHO_ADAPTER, "chat_seq_rep_4") > 0.9 && value(a, US_WHO_BASE, "chat_seq_rep_4") == 0);
    assert_true(value(a, US_WHO_ADAPTER, "chat_same_words") > 0.9 && value(a, US_WHO_BASE, "chat_same_words") == 0);
    assert_null(us_audition_find(a, US_WHO_REAL, "chat_repeats")); /* two lines are no chat of twenty */
    us_audition_free(a);
}

/* ---- a whole run ----------------------------------------------------------------------------------------------------- */

static void same_bytes_whatever_the_threads(void **state) {
    (void)state;
    us_audition_options o = small();
    o.cast_folder = in_dir("cast");
    us_audition *a = run(&o);
    char *text, *again, *html;
    assert_ok(us_audition_json(a, &text, &err), &err);
    o.n_threads = 2;
    again = report_of(&o);
    assert_string_equal(text, again);
    o.seed = 2;
    free(again);
    again = report_of(&o);
    assert_string_not_equal(text, again);
    assert_string_equal(us_audition_report_name(a), "audition");
    assert_string_equal(us_audition_character(a), "Homer");
    for (int w = US_WHO_BASE; w < US_N_WHO; w++) {
        size_t n;
        const us_metric *m = us_audition_get_metrics(a, (us_who)w, &n);
        assert_true(n >= 30);
        for (size_t i = 0; i < n; i++) /* an interval holds its value */
            if (!isnan(m[i].low) && !(m[i].low <= m[i].value + 1e-9 && m[i].value <= m[i].high + 1e-9))
                fail_msg("%s of %s: %g in %g..%g", m[i].name, us_who_name((us_who)w), m[i].value, m[i].low, m[i].high);
        assert_true(fabs(value(a, (us_who)w, "perplexity") - exp(value(a, (us_who)w, "nats"))) <
                    1e-6 * value(a, (us_who)w, "perplexity"));
    }
    /* the cast: two who have adapters; the classifier: all three of the script */
    assert_int_equal(a->n_confusions, 4);
    for (size_t c = 0; c < 4; c++) {
        const us_confusion *m = &a->confusions[c];
        assert_int_equal(m->n_rows, c < 2 ? 3 + 3 : 2 + 3);
        assert_string_equal(m->rows[0], "Homer");
        for (size_t r = 0; r < m->n_rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < m->n_rows - 3; k++) sum += m->cells[r][k];
            assert_true(fabs(sum - 1) < 1e-9 || isnan(sum)); /* too few lines for a pool of ten */
        }
    }
    assert_true(value(a, US_WHO_ADAPTER, "cast_single") >= 0 && value(a, US_WHO_REAL, "style") > 0.3);
    /* names are text, in the page too */
    assert_ok(us_audition_html(a, &html, &err), &err);
    assert_null(strstr(html, "Marge <b>"));
    assert_non_null(strstr(html, "Marge &lt;b&gt;"));
    free(text);
    free(again);
    free(html);
    us_audition_free(a);
}

typedef struct stop {
    int after, calls;
    bool went_on;
} stop;
static bool stop_after(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)done, (void)total;
    stop *s = ctx;
    s->went_on = s->went_on || !strcmp(stage, "an interrupted run goes on");
    return ++s->calls < s->after;
}

static void interrupted_and_gone_on_with(void **state) {
    (void)state;
    us_audition_options o = small();
    o.measures = "retrieval,replies,chats";
    o.who = "adapter";
    o.n_replies = 2;
    char *whole = report_of(&o), *text;
    us_audition *a;
    o.journal = in_dir("deep/er/journal.jsonl");
    o.progress = stop_after;
    int n = 0;
    for (int after = 3;; after += 12, n++) { /* again and again, a little further each time */
        stop s = {.after = after};
        o.progress_ctx = &s;
        us_status st = us_audition_run(model, script, in_dir("cast/homer"), &o, &a, &err);
        if (st == US_OK) break;
        assert_int_equal(st, US_ERR_INTERRUPTED);
        assert_true(s.calls >= after);
        assert_true(us_file_exists(o.journal));
        assert_true(s.went_on == (n > 0) || n == 1); /* the first may have kept nothing yet */
    }
    assert_true(n > 3);
    assert_ok(us_audition_json(a, &text, &err), &err);
    assert_string_equal(text, whole);
    us_audition_free(a);
    free(text);
    /* a crash in the middle of a line: what is whole is used */
    char *journal;
    size_t n_bytes;
    assert_ok(us_file_read(o.journal, 1 << 24, &journal, &n_bytes, &err), &err);
    FILE *f = fopen(o.journal, "w");
    fwrite(journal, 1, n_bytes * 2 / 3, f);
    fclose(f);
    free(journal);
    stop s = {.after = 1 << 30};
    o.progress_ctx = &s;
    text = report_of(&o);
    assert_true(s.went_on);
    assert_string_equal(text, whole);
    free(text);
    /* another run's journal, and one that is not wanted, are begun anew */
    s = (stop){.after = 1 << 30};
    o.restart = true;
    text = report_of(&o);
    assert_false(s.went_on);
    assert_string_equal(text, whole);
    free(text);
    o.restart = false;
    o.seed = 5;
    free(report_of(&o));
    assert_false(s.went_on);
    free(whole);
}

static void parts_of_it(void **state) {
    (void)state;
    us_audition_options o = small();
    o.who = "base,prompt";
    o.measures = "replies,retention";
    us_audition *a = run(&o);
    assert_string_equal(us_audition_report_name(a), "audition.some");
    assert_null(us_audition_find(a, US_WHO_ADAPTER, "loops"));
    assert_null(us_audition_find(a, US_WHO_BASE, "nats"));
    assert_true(value(a, US_WHO_BASE, "retention") >= 0);
    assert_ok(us_audition_write(a, in_dir("some"), &err), &err);
    assert_true(us_file_exists(in_dir("some/audition.some.json")) && us_file_exists(in_dir("some/audition.some.html")));
    assert_false(us_file_exists(in_dir("some/audition.json")));
    assert_int_not_equal(us_audition_write(a, in_dir("m.gguf/no"), &err), US_OK);
    us_audition_free(a);
    /* a user's own lines and expressions: they are said, and found */
    put_file("prompts", "# mine\nWhat of it?\r\n\n  \nAnd now?");
    put_file("lexicon", "# everything that has a letter\n[a-z]\n");
    o = small();
    o.who = "adapter";
    o.measures = "replies";
    o.prompts_file = in_dir("prompts");
    o.lexicon_file = in_dir("lexicon");
    o.part = "all";
    a = run(&o);
    size_t n_mine = 0;
    for (size_t i = 0; i < a->probes.n; i++) n_mine += a->probes.items[i].kind == US_PROBE_USER;
    assert_int_equal(n_mine, 2);
    assert_true(value(a, US_WHO_ADAPTER, "leaks") > 0.5);
    us_audition_free(a);
}

static void gates_are_judged(void **state) {
    (void)state;
    us_audition_options o = small();
    o.measures = "likelihood,replies";
    us_audition *a = run(&o);
    size_t n;
    put_file("gates", "nats > 0\nnats < 0.001 # never\nwords >= real * 0\nloops <= 100%\nwords < real * 1000\n");
    assert_ok(us_audition_judge(a, in_dir("gates"), &err), &err);
    const us_gate *g = us_audition_get_gates(a, &n);
    assert_int_equal(n, 5);
    assert_true(g[0].passed && !g[1].passed && g[2].passed && g[3].passed && g[4].passed);
    assert_string_equal(g[1].text, "nats < 0.001");
    assert_true(g[3].bound == 1 && g[2].bound == 0);
    char *text;
    assert_ok(us_audition_json(a, &text, &err), &err);
    assert_non_null(strstr(text, "\"passed\": false"));
    free(text);
    put_file("gates", "r10 > 0\n");
    assert_int_equal(us_audition_judge(a, in_dir("gates"), &err), US_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'r10' was not measured in this run"));
    put_file("gates", "ended > real\n");
    assert_int_equal(us_audition_judge(a, in_dir("gates"), &err), US_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "no figure of the real lines for 'ended'"));
    put_file("gates", "nats > 1 \xff\n");
    assert_int_equal(us_audition_judge(a, in_dir("gates"), &err),
                     US_ERR_FORMAT); /* and what is freed afterwards is freed once */
    assert_non_null(strstr(err.message, "byte 10 is not UTF-8"));
    assert_int_equal(us_audition_judge(a, in_dir("nowhere"), &err), US_ERR_NOT_FOUND);
    us_audition_get_gates(a, &n);
    assert_int_equal(n, 0);
    us_audition_free(a);
}

static void refused(const us_audition_options *o, const char *folder, us_status want, const char *words) {
    us_audition *a;
    us_status st = us_audition_run(model, script, in_dir(folder), o, &a, &err);
    if (st != want || !strstr(err.message, words)) fail_msg("%d: %s; expected %d: %s", st, st ? err.message : "", want, words);
}

static void what_is_refused(void **state) {
    (void)state;
    us_audition_options o;
#define WITH(field, v) (o = small(), o.field = (v), &o)
    refused(WITH(measures, "replies,loop"), "cast/homer", US_ERR_ARGUMENT,
            "measures: no 'loop'; there are likelihood, retrieval, replies");
    refused(WITH(who, "real"), "cast/homer", US_ERR_ARGUMENT, "who: no 'real'; there are base, prompt, adapter");
    refused(WITH(part, "most"), "cast/homer", US_ERR_ARGUMENT, "expected train, validation, test or all, got 'most'");
    refused(WITH(n_replies, -1), "cast/homer", US_ERR_ARGUMENT, "expected 1..100000 replies");
    refused(WITH(n_seeds, 90000), "cast/homer", US_ERR_ARGUMENT, "100000 replies in all at most");
    refused(WITH(takes, 65), "cast/homer", US_ERR_ARGUMENT, "takes: expected 1..");
    refused(WITH(takes_list, "1,,2"), "cast/homer", US_ERR_ARGUMENT, "with commas, got '1,,2'");
    refused(WITH(takes_list, "1,2,3,4,5,6,7,8,9"), "cast/homer", US_ERR_ARGUMENT, "takes: at most 8 numbers");
    refused(WITH(adapter, in_dir("none.gguf")), "cast/homer", US_ERR_NOT_FOUND, "there is no such adapter: train it");
    refused(WITH(cast_folder, in_dir("none")), "cast/homer", US_ERR_NOT_FOUND, "cannot open the folder of the cast");
    refused(WITH(prompts_file, in_dir("none")), "cast/homer", US_ERR_NOT_FOUND, "none");
    refused(WITH(journal, in_dir("m.gguf/journal")), "cast/homer", US_ERR_IO, "m.gguf");
    refused(WITH(journal, in_dir("cast")), "cast/homer", US_ERR_IO, "cast");
    o = small();
    refused(&o, "cast/plain", US_ERR_NOT_FOUND, "has no adapter: train one");
    refused(&o, "cast/empty", US_ERR_NOT_FOUND, "card.json");
    refused(&o, "cast/stranger", US_ERR_NOT_FOUND, "Nobody");
    put_file("nul", "One\n");
    FILE *f = fopen(in_dir("nul"), "w");
    fwrite("One\0two\n", 1, 8, f);
    fclose(f);
    refused(WITH(prompts_file, in_dir("nul")), "cast/homer", US_ERR_FORMAT, "byte 4 is NUL");
    f = fopen(in_dir("long"), "w");
    fputs("Short\n", f);
    for (int i = 0; i < 70000; i++) fputc('x', f);
    fclose(f);
    refused(WITH(prompts_file, in_dir("long")), "cast/homer", US_ERR_LIMIT, "long:2: 70000 bytes, at most");
    us_sampler_options s = {.temperature = -1};
    refused(WITH(sampler, &s), "cast/homer", US_ERR_ARGUMENT, "temperature");
    o = small(); /* one line in all, and it is learned from */
    o.test = 0.001, o.validation = 0.001;
    refused(&o, "cast/homer", US_ERR_FORMAT, "no line of 'Homer' is in the test part of the script");
#undef WITH
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies_are_judged),
                                       cmocka_unit_test(chats_are_judged),
                                       cmocka_unit_test(same_bytes_whatever_the_threads),
                                       cmocka_unit_test(interrupted_and_gone_on_with),
                                       cmocka_unit_test(parts_of_it),
                                       cmocka_unit_test(gates_are_judged),
                                       cmocka_unit_test(what_is_refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
