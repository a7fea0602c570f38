/* Every entry point of the public headers on a small input, once for each allocation that it makes, with that one failing: no
 * crash, nothing leaked, the error MEMORY, or success and exactly what comes when nothing fails (digests of what it returned and
 * wrote).
 *
 *   oom_api [NAME...]     only these cases.     US_OOM_MOST=N: of more allocations than N, N spread evenly (default 30; 0: all)
 *   US_OOM_SHOW=1         prints where the allocation failed, for each finding, and which ones are still alive
 *   US_OOM_ONLY=N         that allocation alone; US_OOM_TRACE=N prints where allocation N is asked for */
#include "failing.h"
#include "mktiny.h"
#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <understudy/audition.h>
#include <understudy/backup.h>
#include <understudy/chat.h>
#include <understudy/convert.h>
#include <understudy/direct.h>
#include <understudy/explore.h>
#include <understudy/gguf.h>
#include <understudy/jobs.h>
#include <understudy/template.h>
#include <understudy/train.h>
#include <unistd.h>

/* ---- what a case says: a digest of everything that it got ------------------------------------------------------- */

static uint64_t digest;
static char path_of[20][300]; /* of at(), in turns */
static char dir[200];

static void see(const void *data, size_t n) {
    for (size_t i = 0; i < n; i++) digest = (digest ^ ((const unsigned char *)data)[i]) * 1099511628211u;
}
static void see_text(const char *s) {
    if (s) see(s, strlen(s) + 1);
}
static void see_number(double x) { see(&x, sizeof x); }

static const char *at(const char *name) {
    static int i;
    i = (i + 1) % 20;
    snprintf(path_of[i], sizeof path_of[i], "%s/%s", dir, name);
    return path_of[i];
}

static void see_file(const char *path) {
    char block[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) return;
    while ((n = fread(block, 1, sizeof block, f))) see(block, n);
    fclose(f);
}
static int see_entry(const char *path, const struct stat *sb, int type, struct FTW *w) {
    (void)w, (void)sb;
    size_t n = strlen(path);
    bool picture = n > 4 && (!strcmp(path + n - 4, ".png") || (!strcmp(path + n - 4, ".svg") && !strstr(path, "cloud")));
    if (type != FTW_F || picture) return 0; /* Cairo numbers its surfaces through the whole process */
    uint64_t others = digest;               /* the order of a folder's files is nothing */
    digest = 14695981039346656037u;
    see_text(path);
    see_file(path);
    digest += others;
    return 0;
}
static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *w) {
    (void)sb, (void)type, (void)w;
    return remove(path);
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f)) abort();
}

#define TRY(call)             \
    do {                      \
        if (!st) st = (call); \
    } while (0)

/* ---- the cases --------------------------------------------------------------------------------------------------- */

static us_model *model; /* opened once, before anything fails */
static us_card *card;
static us_script *script;

static us_status open_model(us_error *err) {
    us_model *m = NULL;
    char hash[65];
    const us_template *tpl;
    us_tokens ids = {0};
    us_status st = us_model_open(at("m.gguf"), &(us_model_options){.n_threads = 1}, &m, err);
    if (!st) us_model_get_hash(m, hash);
    TRY(us_model_get_template(m, &tpl, err));
    if (!st) see_text(us_model_get_info(m)->quantization), see_text(hash), see_text(us_template_name(tpl));
    TRY(us_tokenizer_encode(us_model_get_tokenizer(m), "Hi there.", 9, false, &ids, err));
    see(ids.ids, ids.n * sizeof *ids.ids);
    us_tokens_fini(&ids);
    us_model_free(m);
    return st;
}

static us_status open_spm(us_error *err) {
    us_model *m = NULL;
    us_tokens ids = {0};
    us_status st = us_model_open(at("spm.gguf"), &(us_model_options){.n_threads = 1, .math = US_MATH_F32}, &m, err);
    TRY(us_tokenizer_encode(us_model_get_tokenizer(m), "Hi th\xc3\xa9re.", 10, true, &ids, err));
    see(ids.ids, ids.n * sizeof *ids.ids);
    us_tokens_fini(&ids);
    us_model_free(m);
    return st;
}

static us_status check_model(us_error *err) { return us_model_check(at("m.gguf"), err); }

static us_status read_gguf(us_error *err) {
    us_gguf *g = NULL;
    size_t n = 0;
    us_status st = us_gguf_open(at("m.gguf"), &g, err);
    if (!st) us_gguf_kvs(g, &n), see_number((double)n), us_gguf_tensors(g, &n), see_number((double)n);
    us_gguf_close(g);
    return st;
}

static us_status tokens_and_templates(us_error *err) {
    us_template *t = NULL, *own = NULL;
    us_tokens ids = {0};
    us_turn_span spans[3];
    char *text = NULL;
    us_message m[] = {{"system", "You are Ann."}, {"user", "Hi <|im_end|>"}, {"assistant", "Ho"}};
    static const char jinja[] = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + "
                                "'\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    us_status st = us_template_open("chatml", &t, err);
    TRY(us_template_recognise(jinja, sizeof jinja - 1, NULL, NULL, &own, err));
    TRY(us_template_tokenize(t, us_model_get_tokenizer(model), m, 3, true, &ids, spans, err));
    TRY(us_template_render(own, m, 3, true, &text, err));
    see(ids.ids, ids.n * sizeof *ids.ids);
    see_text(text);
    free(text);
    us_tokens_fini(&ids);
    us_template_free(t);
    us_template_free(own);
    return st;
}

static us_status run_engine(us_error *err) {
    static const int32_t ids[] = {1, 5, 9, 20, 31, 7, 8};
    us_engine *e = NULL;
    us_sampler *s = NULL;
    us_adapter *a = NULL;
    int32_t seq = 0, fork = 0, token, n_reused;
    float logprobs[7], *lists[] = {logprobs};
    us_sampler_options o = us_sampler_defaults();
    us_status st = us_engine_new(model, &(us_engine_options){.n_threads = 1, .n_ctx = 128, .n_seq_max = 4}, &e, err);
    TRY(us_adapter_open(model, at("a.gguf"), false, &a, err));
    TRY(us_engine_seq_new(e, &seq, err));
    if (!st) us_engine_seq_set_adapter(e, seq, a, 1);
    TRY(us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = 7}, 1, err));
    TRY(us_engine_seq_fork(e, seq, 5, &fork, err));
    TRY(us_engine_score(e, &(us_span){.seq = fork, .tokens = ids, .n_tokens = 7}, 1, lists, err));
    if (!st) see(logprobs, sizeof logprobs);
    TRY(us_engine_seq_set_tokens(e, seq, ids, 6, &n_reused, err));
    TRY(us_sampler_new(&o, us_model_get_info(model)->n_vocab, &s, err));
    TRY(us_sampler_set_history(s, ids, 7, err));
    for (int i = 0; i < 3 && !st; i++) {
        TRY(us_sampler_draw(s, us_engine_get_logits(e, 0, 0), &token, err));
        if (!st) see_number(token);
    }
    us_sampler_free(s);
    us_engine_free(e);
    us_adapter_free(a);
    return st;
}

static us_status cards(us_error *err) {
    us_card *c = NULL, *drafted = NULL, *made = NULL;
    char *system = NULL;
    us_status st = us_card_open(at("ann/card.json"), &c, err);
    TRY(us_card_system(c, &system, err));
    see_text(system);
    TRY(us_card_set_greeting(c, "Ahoy!", err));
    TRY(us_card_set_adapter(c, "adapter.gguf", err));
    TRY(us_card_save(c, at("out/card.json"), err));
    TRY(us_card_from_script(script, "Ann", NULL, &drafted, err));
    TRY(us_card_learn_style(drafted, script, &(us_dataset_options){.character = "Ann"}, err));
    TRY(us_card_save(drafted, at("out/drafted.json"), err));
    TRY(us_card_new(&(us_card_draft){.name = "Bo", .language = "de"}, &made, err));
    if (!st) see_text(us_card_name(made)), see_number((double)us_card_n_greetings(c));
    free(system);
    us_card_free(c);
    us_card_free(drafted);
    us_card_free(made);
    return st;
}

static us_status read_script(const char *path, us_error *err) {
    us_script *s = NULL;
    us_alias *aliases = NULL;
    uint32_t *no_persons = NULL;
    size_t n = 0;
    us_status st = us_script_load(NULL, &path, 1, &s, err);
    TRY(us_script_suggest_aliases(s, &aliases, &n, err));
    see_number((double)n);
    TRY(us_script_suggest_exclusions(s, &no_persons, &n, err));
    see_number((double)n);
    if (!st) {
        const us_script_counts *c = us_script_get_counts(s);
        const us_line *l = us_script_get_lines(s, &n);
        for (size_t i = 0; i < n; i++) see_text(l[i].text), see_text(l[i].direction), see_number(l[i].speaker + l[i].repairs);
        see(c, sizeof *c);
        const us_speaker *sp = us_script_get_speakers(s, &n);
        for (size_t i = 0; i < n; i++) see_text(sp[i].name);
        const us_source *src = us_script_get_sources(s, &n);
        for (size_t i = 0; i < n; i++) see_text(src[i].format), see_text(src[i].encoding), see_text(src[i].others);
    }
    free(aliases);
    free(no_persons);
    us_script_free(s);
    return st;
}
#define SCRIPT(name, file) \
    static us_status name(us_error *err) { return read_script(at(file), err); }
SCRIPT(script_csv, "s.csv")
SCRIPT(script_semicolons, "old.csv")
SCRIPT(script_jsonl, "s.jsonl")
SCRIPT(script_screenplay, "s.fountain")
SCRIPT(script_subtitles, "s.srt")
SCRIPT(script_chat, "s.txt")
SCRIPT(script_html, "s.html")
SCRIPT(script_tei, "s.xml")
SCRIPT(script_folder, "many")

static us_status explore(us_error *err) {
    us_facts *f = NULL;
    us_cloud *c = NULL;
    char *json = NULL;
    us_status st = us_explore(script, &(us_explore_options){.character = "Ann"}, &f, err);
    TRY(us_report_json(f, &json, err));
    see_text(json);
    free(json);
    TRY(us_cloud_new(f, &(us_cloud_options){.width = 200, .height = 120}, &c, err));
    TRY(us_report_write(f, c, at("out/report"), err));
    us_cloud_free(c);
    us_facts_free(f);
    return st;
}

static us_status about(us_error *err) {
    us_facts *f = NULL;
    us_status st = us_explore(script, &(us_explore_options){.character = "Ann"}, &f, err);
    TRY(us_about_write(f, &(us_cloud_options){.width = 200, .height = 120}, at("out/about"), err));
    us_facts_free(f);
    return st;
}

static const us_dataset_options set_options = {
    .character = "Ann", .system = "Be Ann.", .validation = 0.2, .test = 0.2, .unnamed = 0.3};

static us_status dataset(us_error *err) {
    us_dataset *d = NULL, *back = NULL;
    char print[65];
    us_status st = us_dataset_build(script, &set_options, &d, err);
    if (!st) us_dataset_get_fingerprint(d, print), see_text(print);
    TRY(us_dataset_write(d, US_ROWS_SHAREGPT, false, at("out/rows"), err));
    TRY(us_dataset_read(at("out/rows"), &set_options, &back, err));
    if (!st) us_dataset_get_fingerprint(back, print), see_text(print);
    us_dataset_free(d);
    us_dataset_free(back);
    return st;
}

static us_train_options small_training(void) {
    us_train_options o = us_train_defaults();
    o.rank = 2;
    o.max_steps = 2;
    o.batch_rows = 100;
    o.micro_rows = 100;
    o.max_sequence = 100;
    o.eval_every = 1;
    o.eval_targets = 40;
    o.checkpoint_every = 1;
    o.memory_bytes = 64 << 20;
    o.n_threads = 1;
    return o;
}

static us_status train(us_error *err) {
    us_dataset *d = NULL;
    us_trainer *t = NULL;
    us_train_report r = {0};
    us_train_options o = small_training();
    us_status st = us_dataset_build(script, &set_options, &d, err);
    TRY(us_trainer_new(model, d, &o, at("out/t"), &t, err));
    while (!st && !r.done) {
        st = us_trainer_step(t, &r, err);
        if (!st) see_number(r.loss);
    }
    TRY(us_trainer_save_adapter(t, US_ADAPTER_Q8_0, at("out/t/adapter.gguf"), err));
    TRY(us_trainer_write_record(t, NULL, at("out/t"), err));
    us_trainer_free(t);
    us_dataset_free(d);
    return st;
}

static us_status train_resumed(us_error *err) {
    us_dataset *d = NULL;
    us_trainer *t = NULL;
    us_train_report r = {0};
    us_train_options o = small_training();
    o.rehearsal = 0;
    us_status st = us_dataset_build(script, &set_options, &d, err);
    TRY(us_trainer_new(model, d, &o, at("half"), &t, err));
    TRY(us_trainer_resume(t, err));
    if (!st) see_number(us_trainer_adapter_norm(t));
    us_trainer_free(t);
    us_dataset_free(d);
    (void)r;
    return st;
}

static us_status train_character(us_error *err) {
    us_train_options o = small_training();
    o.max_steps = 1;
    o.checkpoint_every = 100;
    return us_train_character(model, script, "Ann", at("out/ann"), &(us_train_character_options){.train = &o}, err);
}

static us_status director(us_error *err) {
    us_director_trainer *t = NULL;
    us_director *d = NULL;
    us_engine *e = NULL;
    us_director_report r = {0};
    const char *takes[] = {"The moon.", "No."};
    double values[2];
    us_said said[] = {{"Bob", "Is it fine?"}};
    us_status st = us_director_trainer_new(
        model, script, &(us_director_options){.n_probe = 6, .n_lists = 2, .rank = 2, .batch = 2, .n_eval = 2, .n_threads = 1},
        &t, err);
    TRY(us_director_trainer_probe(t, NULL, NULL, err));
    while (!st && !r.done) st = us_director_trainer_step(t, &r, err);
    TRY(us_director_trainer_save(t, at("out/director.gguf"), err));
    TRY(us_director_open(model, at("out/director.gguf"), &d, err));
    TRY(us_engine_new(model, &(us_engine_options){.n_threads = 1, .n_ctx = 256, .n_seq_max = 8}, &e, err));
    TRY(us_director_judge(d, e, said, 1, "Ann", takes, 2, values, err));
    if (!st) see(values, sizeof values);
    us_engine_free(e);
    us_director_free(d);
    us_director_trainer_free(t);
    return st;
}

static us_status export(us_error *err) {
    us_status st = us_peft_export(model, at("a.gguf"), "base", at("out/peft"), err);
    TRY(us_peft_import(model, at("out/peft"), US_ADAPTER_F16, at("out/back.gguf"), err));
    TRY(us_adapter_merge(model, at("a.gguf"), 1, "Q8_0", at("out/merged.gguf"), err));
    return st;
}

static us_status chat(us_error *err) {
    us_engine *e = NULL;
    us_chat *c = NULL;
    us_chat_result r;
    us_adapter *a = NULL;
    char *prompt = NULL;
    int32_t n;
    us_sampler_options so = us_card_sampler(card);
    so.seed = 3;
    us_chat_options o = {.sampler = &so, .takes = 2, .max_tokens = 6};
    us_status st = us_adapter_open(model, at("a.gguf"), false, &a, err);
    o.adapter = a;
    TRY(us_engine_new(model, &(us_engine_options){.n_threads = 1, .n_ctx = us_chat_engine_tokens(300, 2, 6), .n_seq_max = 16},
                      &e, err));
    TRY(us_chat_new(e, card, &o, &c, err));
    TRY(us_chat_set_user(c, "Bob", err));
    TRY(us_chat_reply(c, "My name is Bob. Is it fine?", NULL, NULL, &r, err));
    if (!st) see_text(r.text);
    TRY(us_chat_reply(c, "What is my name?", NULL, NULL, &r, err));
    if (!st) see_text(r.text);
    TRY(us_chat_regenerate(c, NULL, NULL, &r, err));
    if (!st) see_text(r.text);
    TRY(us_chat_edit(c, 0, "Hello.", err));
    TRY(us_chat_show_prompt(c, &prompt, &n, err));
    see_text(prompt);
    TRY(us_chat_save(c, at("out/chat.json"), err));
    TRY(us_chat_load(c, at("out/chat.json"), err));
    if (!st) see_number((double)us_chat_n_turns(c));
    free(prompt);
    us_chat_free(c);
    us_engine_free(e);
    us_adapter_free(a);
    return st;
}

static us_status audition(us_error *err) {
    us_audition *a = NULL;
    char *json = NULL, *html = NULL;
    us_sampler_options so = us_card_sampler(card);
    so.seed = 3;
    us_audition_options o = {.measures = "likelihood,replies,style",
                             .who = "base,prompt",
                             .part = "all",
                             .n_replies = 2,
                             .max_lines = 3,
                             .takes = 1,
                             .max_tokens = 3,
                             .sampler = &so,
                             .n_threads = 1};
    us_status st = us_audition_run(model, script, at("ann"), &o, &a, err);
    TRY(us_audition_judge(a, at("gates.txt"), err));
    TRY(us_audition_json(a, &json, err));
    TRY(us_audition_html(a, &html, err));
    size_t n = 0;
    const us_metric *m = st ? NULL : us_audition_get_metrics(a, US_WHO_PROMPT, &n);
    for (size_t i = 0; i < n; i++) see_text(m[i].name), see_number(isnan(m[i].value) ? -1 : m[i].value);
    free(json);
    free(html);
    us_audition_free(a);
    return st;
}

static us_status jobs(us_error *err) {
    us_jobs *j = NULL;
    char id[US_JOBS_ID], *text = NULL, *table = NULL;
    us_status st = us_jobs_open(&(us_jobs_options){.folder = at("out/jobs")}, &j, err);
    TRY(us_jobs_add(j, "{\"kind\": \"train\", \"title\": \"x\", \"steps\": [{\"argv\": [\"inspect\", \"a\"]}]}", id, err));
    TRY(us_jobs_list(j, NULL, &text, err));
    TRY(us_jobs_table(j, &table, err));
    TRY(us_jobs_control(j, id, US_JOBS_CANCEL, err));
    TRY(us_jobs_control(j, id, US_JOBS_FORGET, err));
    free(text);
    free(table);
    us_jobs_close(j);
    return st;
}

static us_status backup(us_error *err) {
    us_backup_counts n = {0};
    us_status st = us_backup_write(at("data"), at("out/all.tar.gz"), false, &n, err);
    if (!st) see_number((double)n.files);
    TRY(us_backup_restore(at("out/all.tar.gz"), at("out/copy"), false, &n, err));
    if (!st) see_number((double)n.files);
    return st;
}

static const struct {
    const char *name;
    us_status (*run)(us_error *err);
    bool files_vary; /* what it writes holds times or random ids */
} cases[] = {{"open_model", open_model},
             {"open_spm", open_spm},
             {"check_model", check_model},
             {"read_gguf", read_gguf},
             {"tokens_and_templates", tokens_and_templates},
             {"run_engine", run_engine},
             {"cards", cards},
             {"script_csv", script_csv},
             {"script_semicolons", script_semicolons},
             {"script_jsonl", script_jsonl},
             {"script_screenplay", script_screenplay},
             {"script_subtitles", script_subtitles},
             {"script_chat", script_chat},
             {"script_html", script_html},
             {"script_tei", script_tei},
             {"script_folder", script_folder},
             {"explore", explore},
             {"about", about},
             {"dataset", dataset},
             {"train", train, true},
             {"train_resumed", train_resumed},
             {"train_character", train_character, true},
             {"director", director},
             {"export", export},
             {"chat", chat},
             {"audition", audition},
             {"jobs", jobs, true},
             {"backup", backup, true}};
enum { N_CASES = sizeof cases / sizeof *cases };

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static char now_at[200];
static void crashed(int sig) {
    (void)!write(2, now_at, strlen(now_at));
    signal(sig, SIG_DFL);
    raise(sig);
}

static void renew_folder(void) {
    nftw(at("out"), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    mkdir(at("out"), 0700);
}

static us_status once(int i, long fail, us_error *err) {
    renew_folder();
    digest = 14695981039346656037u;
    *err = (us_error){0};
    snprintf(now_at, sizeof now_at, "FAIL: %s, allocation %ld: crashed\n", cases[i].name, fail);
    if (getenv("US_OOM_TRACE")) failing.trace = atol(getenv("US_OOM_TRACE"));
    fail_from_now(fail, 0);
    us_status st = cases[i].run(err);
    fail_no_more();
    if (!st && !cases[i].files_vary) nftw(at("out"), see_entry, 16, FTW_PHYS);
    return st;
}

static long n_tried;

static int walk(int i, long most) {
    us_error err;
    int n_bad = 0;
    long n_before = 0;
    us_status st = once(i, 0, &err); /* fills what is kept for good */
    if (!st) st = once(i, 0, &err);
    uint64_t whole = digest;
    long n = failing.n, step = most && n > most ? (n + most - 1) / most : 1;
    if (!st && (st = once(i, 0, &err)) == US_OK && digest != whole)
        printf("FAIL: %s differs from one run to the next\n", cases[i].name), n_bad++;
    if (st) printf("FAIL: %s does not run: %s\n", cases[i].name, err.message), n_bad++;
    n_before = (long)n_live;
    long only = getenv("US_OOM_ONLY") ? atol(getenv("US_OOM_ONLY")) : 0;
    for (long k = only ? only : 1; k <= (only ? only : n) && !st; k += step, n_tried++) {
        us_status got = once(i, k, &err);
        const char *log = got && !err.message[0]        ? "an error without words"
                          : got && err.status != got    ? "another status than the error's"
                          : got && got != US_ERR_MEMORY ? "another error"
                          : !got && digest != whole     ? "success, and another result"
                          : (long)n_live > n_before     ? "a leak"
                                                        : NULL;
        if (!log) continue;
        printf("FAIL: %s, allocation %ld of %ld: %s (%s: %s)\n", cases[i].name, k, n, log, us_status_name(got), err.message);
        if (getenv("US_OOM_SHOW")) {
            failing.show = true;
            once(i, k, &err);
            failing.show = false;
            for (size_t x = 0; x < LIVE_SLOTS; x++)
                if (live[x].p && live[x].n > 0) printf("  alive: allocation %ld\n", live[x].n);
        }
        n_before = (long)n_live;
        if (++n_bad >= 12) break;
    }
    printf("# %s: %ld allocations, every %ld tried, %d wrong\n", cases[i].name, n, step, n_bad);
    fflush(stdout);
    return n_bad;
}

static bool make_world(us_error *err) {
    const us_tiny m = {.arch = "llama", .type = 8, .n_ctx = 512}, spm = {.arch = "llama", .spm = true, .n_ctx = 128};
    FILE *f;
    char *folder = us_tiny_folder();
    snprintf(dir, sizeof dir, "%s", folder);
    free(folder);
    if (us_tiny_write(&m, at("m.gguf"), err) || us_tiny_write(&spm, at("spm.gguf"), err) ||
        us_tiny_write_adapter(&(us_tiny){.arch = "llama", .n_ctx = 512}, 2, 4, at("a.gguf"), err))
        return false;
    if (!(f = fopen(at("s.csv"), "w"))) return false;
    fputs("name,line\n", f);
    for (int i = 0; i < 30; i++)
        fprintf(f,
                "Bob,(laughs) Is %d fine and good?\nAnn,Number %d and the moon over %d.\nAnn Lee,No way!\nANN,Hello %d!\n,\n",
                i, i, 7 * i, i);
    fclose(f);
    write_file(at("old.csv"), "Name;Text\nBob;Sch\xf6ne Gr\xfc\xdf"
                              "e\nAnn;\"Ja; nein\"\nBob;M\xc3\xbc"
                              "de\n");
    write_file(at("s.jsonl"), "{\"line\": \"Hi.\", \"name\": \"Ann\"}\n{\"line\": \"Ho.\", \"name\": \"Bob\"}\n");
    write_file(at("s.fountain"), "INT. HOUSE - DAY\n\nANN\nHi.\n\nBOB (V.O.)\n(softly)\nHo.\n\nANN\nNo!\n");
    write_file(at("s.srt"), "1\n00:00:01,000 --> 00:00:02,000\nANN: Hi.\n\n2\n00:00:03,000 --> 00:00:04,000\nBOB: Ho.\n");
    write_file(at("s.txt"), "[12:01] Ann: Hi.\n[12:02] Bob: Ho.\n[12:03] Ann: Yes.\n[12:04] Bob: No.\n");
    write_file(at("s.html"), "<html><body><p><b>Ann:</b> Hi &amp; ho.</p><p><b>Bob:</b> No.</p></body></html>\n");
    write_file(at("s.xml"),
               "<TEI xmlns=\"http://www.tei-c.org/ns/1.0\"><text><body><sp who=\"#a\"><speaker>Ann</speaker><p>Hi.</p>"
               "</sp><sp><speaker>Bob</speaker><l>Ho.</l></sp></body></text></TEI>\n");
    mkdir(at("many"), 0700);
    write_file(at("many/01.csv"), "name,line\nAnn,Hi.\n");
    write_file(at("many/02.txt"), "Ann: Ho.\nBob: Hm.\nAnn: Ja.\n");
    mkdir(at("ann"), 0700);
    write_file(
        at("ann/card.json"),
        "{\"spec\":\"chara_card_v2\",\"spec_version\":\"2.0\",\"data\":{\"name\":\"Ann\",\"description\":\"{{char}} likes "
        "the {{pick::moon,sun}}.\",\"first_mes\":\"Hi!\",\"alternate_greetings\":[\"Ho!\"],\"mes_example\":\"<START>\\n"
        "{{user}}: Ho\\n{{char}}: Hi\",\"character_book\":{\"entries\":[{\"keys\":[\"fine\",\"/na.e/i\"],\"content\":\"It "
        "is fine.\",\"enabled\":true}]},\"extensions\":{\"depth_prompt\":{\"prompt\":\"Night.\",\"depth\":1},\"understudy\":"
        "{\"cast\":[\"Bob\"],\"takes\":2,\"catch_phrases\":[\"the moon\"]}}}}");
    write_file(at("gates.txt"), "loops <= 100%\n");
    mkdir(at("data"), 0700);
    mkdir(at("data/characters"), 0700);
    mkdir(at("data/characters/ann"), 0700);
    write_file(at("data/characters/ann/card.json"), "{}");
    const char *path = at("s.csv");
    us_dataset *d = NULL;
    us_trainer *t = NULL;
    us_train_report r;
    us_train_options o = small_training();
    us_status st = us_model_open(at("m.gguf"), &(us_model_options){.n_threads = 1}, &model, err);
    char hash[65];
    if (!st) us_model_get_hash(model, hash);
    TRY(us_card_open(at("ann/card.json"), &card, err));
    TRY(us_script_load(NULL, &path, 1, &script, err));
    TRY(us_dataset_build(script, &set_options, &d, err)); /* a training that was interrupted */
    TRY(us_trainer_new(model, d, &o, at("half"), &t, err));
    TRY(us_trainer_step(t, &r, err));
    TRY(us_trainer_checkpoint(t, err));
    us_trainer_free(t);
    us_dataset_free(d);
    return !st;
}

int main(int argc, char **argv) {
    const char *text = getenv("US_OOM_MOST");
    long most = text ? atol(text) : 30;
    int n_bad = 0, n_run = 0;
    us_error err;
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* no disk: all that is written is synced */
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    if (!make_world(&err)) return fprintf(stderr, "%s\n", err.message), 1;
    for (int i = 0; i < N_CASES; i++) {
        bool wanted = argc == 1;
        for (int k = 1; k < argc; k++) wanted = wanted || !strcmp(argv[k], cases[i].name);
        if (wanted) n_bad += walk(i, most), n_run++;
    }
    us_script_free(script);
    us_card_free(card);
    us_model_free(model);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("%d cases, %ld runs with a failed allocation, %d wrong\n", n_run, n_tried, n_bad);
    return n_bad || !n_run;
}
