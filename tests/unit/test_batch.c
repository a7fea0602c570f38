/* The schedule on a tiny model: batched replies equal those made alone, the cache is used, jobs are refused and cancelled.
 * Starts threads (pthread). */
#include "reply/batch.h"
#include "generate/engine.h"
#include "test.h"
#include "../../tools/mktiny.h"

enum { N_JOBS = 6, N_PROMPT = 40, N_REPLY = 24 };
static us_model *model;
static us_engine *engine;
static us_batch *schedule;
static int32_t prompts[N_JOBS][N_PROMPT];
static us_error err;

static us_job_spec spec_of(int i, int32_t n_takes) {
    us_job_spec s = {.prompt = prompts[i],
                     .n_prompt = N_PROMPT,
                     .n_takes = n_takes,
                     .ranking = {.weights = {0.5, 1}},
                     .unconditional = prompts[0],
                     .n_unconditional = 10,
                     .client = (uint64_t)i};
    s.sampler = us_sampler_defaults();
    s.sampler.seed = 7 + (uint64_t)i;
    s.rules = (us_take_rules){.tok = us_model_get_tokenizer(model), .max_tokens = N_REPLY};
    return s;
}

static void wait_for(us_job *j, us_buf *text, us_job_view *v) {
    uint64_t seen = 0;
    do {
        *v = us_job_wait(j, &seen, 1000);
        assert_ok(us_job_read(j, 0, text->len, text, &err), &err);
    } while (!v->done);
}

static void begin(int32_t n_slots, int32_t n_queue) {
    assert_ok(us_engine_new(model, &(us_engine_options){.n_threads = 2, .n_ctx = 8192, .n_seq_max = 256}, &engine, &err), &err);
    assert_ok(us_batch_new(engine, n_slots, n_queue, &schedule, &err), &err);
}

static void end(void) {
    us_batch_free(schedule);
    us_engine_free(engine);
}

static int setup(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), path[4096];
    us_tiny o = {.seed = 3};
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &model, &err), &err);
    us_tiny_remove(dir);
    for (int i = 0; i < N_JOBS; i++)
        for (int k = 0; k < N_PROMPT; k++) prompts[i][k] = k < 20 ? 30 + k : 30 + (k * 7 + i * 13) % 60;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_model_free(model);
    return 0;
}

/* Takes of job i, run with n others at once, as token ids. */
static void run_jobs(int n, int32_t n_takes, int32_t ids[N_JOBS][N_REPLY], size_t n_ids[N_JOBS]) {
    us_job *jobs[N_JOBS];
    for (int i = 0; i < n; i++) {
        us_job_spec s = spec_of(i, n_takes);
        assert_ok(us_batch_submit(schedule, &s, &jobs[i], &err), &err);
    }
    for (int i = 0; i < n; i++) {
        us_buf text;
        us_job_view v;
        int32_t n_made, best;
        us_buf_init(&text, 1 << 20);
        wait_for(jobs[i], &text, &v);
        assert_int_equal(v.status, US_OK);
        const us_take *t = us_job_get_takes(jobs[i], &n_made, &best);
        assert_int_equal(n_made, n_takes);
        for (int k = 0; k < n_made; k++) assert_true(t[best].score >= t[k].score);
        char *words;
        assert_ok(us_take_words(&t[best], us_model_get_tokenizer(model), &words, &err), &err);
        assert_string_equal(text.len ? text.data : "", words); /* what was streamed is what is spoken */
        free(words);
        n_ids[i] = t[best].ids.n;
        memcpy(ids[i], t[best].ids.ids, n_ids[i] * sizeof **ids);
        us_buf_fini(&text);
        us_job_free(jobs[i]);
    }
}

static void compare(int32_t n_takes) {
    static int32_t together[N_JOBS][N_REPLY], alone[N_JOBS][N_REPLY];
    size_t n_together[N_JOBS], n_alone[N_JOBS];
    begin(N_JOBS, 16);
    run_jobs(N_JOBS, n_takes, together, n_together);
    end();
    begin(1, 16);
    run_jobs(N_JOBS, n_takes, alone, n_alone);
    assert_true(us_batch_get_stats(schedule).n_cached_tokens >= 20 * (N_JOBS - 1));
    end();
    for (int i = 0; i < N_JOBS; i++) {
        assert_int_equal(n_together[i], n_alone[i]);
        assert_memory_equal(together[i], alone[i], n_alone[i] * sizeof **alone);
    }
}

/* Those who come at once and begin alike: what they share is computed once. */
static void shared_prefix_once(void **state) {
    (void)state;
    enum { N = 4, LONG = 300 };
    static int32_t ids[N][LONG];
    us_job *jobs[N];
    begin(N, 16);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < LONG; k++) ids[i][k] = 30 + (k < 280 ? k * 7 % 60 : (k + i * 11) % 60);
        us_job_spec spec = spec_of(0, 1);
        spec.prompt = ids[i];
        spec.n_prompt = LONG;
        spec.client = (uint64_t)i;
        assert_ok(us_batch_submit(schedule, &spec, &jobs[i], &err), &err);
    }
    for (int i = 0; i < N; i++) {
        us_buf text;
        us_job_view v;
        us_buf_init(&text, 1 << 20);
        wait_for(jobs[i], &text, &v);
        assert_int_equal(v.status, US_OK);
        us_buf_fini(&text);
        us_job_free(jobs[i]);
    }
    assert_true(us_batch_get_stats(schedule).n_cached_tokens >= 280 * (N - 1));
    end();
}

/* One job of its own, of one token; how many tokens of its prompt were in the cache. */
static int32_t run_one(const int32_t *ids, int32_t n) {
    us_job *j;
    us_job_view v;
    us_buf text;
    us_job_spec spec = spec_of(0, 1);
    spec.prompt = ids;
    spec.n_prompt = n;
    spec.rules.max_tokens = 1;
    us_buf_init(&text, 1 << 20);
    assert_ok(us_batch_submit(schedule, &spec, &j, &err), &err);
    wait_for(j, &text, &v);
    assert_int_equal(v.status, US_OK);
    us_buf_fini(&text);
    us_job_free(j);
    return v.n_cached;
}

/* What nobody uses fills a quarter of the cache at most, whoever spoke last is still in it, and a chat that goes on is there
 * once. */
static void keeps_a_quarter(void **state) {
    (void)state;
    enum { N = 30, LONG = 300, MORE = 4 };
    static int32_t ids[N][LONG + 64 * MORE];
    begin(1, 4);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < LONG + 64 * MORE; k++) ids[i][k] = 30 + (k * (i + 1) + k / 7) % 60;
        run_one(ids[i], LONG);
    }
    int32_t n_ctx = us_engine_get_ctx(engine), used = n_ctx - us_engine_get_free(engine);
    assert_true(used > n_ctx / 8 && used <= n_ctx / 4 + LONG + 64);
    assert_int_equal(run_one(ids[N - 1], LONG), LONG - 1);
    assert_int_equal(run_one(ids[N - 2], LONG), LONG - 1);
    end();
    begin(1, 4);
    for (int turn = 0; turn <= MORE; turn++)
        assert_int_equal(run_one(ids[0], LONG + 64 * turn), turn ? LONG + 64 * (turn - 1) : 0);
    assert_true(n_ctx - us_engine_get_free(engine) < LONG + 64 * MORE + 64);
    end();
}

/* Of what is kept that goes first which nobody has wanted for longest, were it made later than others. */
static void what_is_wanted_stays(void **state) {
    (void)state;
    enum { A, B, HALF_OF_A, C, N, LONG = 1000 };
    static int32_t ids[N][LONG];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < LONG; k++) ids[i][k] = 30 + ((k % 50 + 1) * (i == HALF_OF_A && k < LONG / 2 ? A + 1 : i + 1)) % 60;
    begin(1, 4);
    run_one(ids[A], LONG);
    run_one(ids[B], LONG);
    assert_int_equal(run_one(ids[HALF_OF_A], LONG), LONG / 2);
    run_one(ids[C], LONG); /* more than a quarter of the cache is full: one goes */
    assert_int_equal(run_one(ids[A], LONG), LONG - 1);
    end();
}

/* There is room for so many; they go with whoever kept them. */
static void so_many_are_kept(void **state) {
    (void)state;
    begin(1, 4);
    for (int32_t i = 0, seq, n_common; i < US_MAX_PREFIXES + 2; i++) {
        const int32_t ids[] = {30 + i, 30};
        assert_ok(us_engine_seq_new(engine, &seq, &err), &err);
        assert_ok(us_engine_seq_set_tokens(engine, seq, ids, 2, NULL, &err), &err);
        us_prefix_keep(engine, seq, i ? prompts : NULL);
        assert_int_equal(engine->prefixes.n, i < US_MAX_PREFIXES ? i + 1 : US_MAX_PREFIXES);
        assert_int_equal(us_prefix_find(engine, NULL, 1, ids, 2, &n_common), seq);
        assert_int_equal(us_prefix_find(engine, NULL, 1, (const int32_t[]){30, 30}, 2, &n_common),
                         i < US_MAX_PREFIXES ? 0 : -1); /* the oldest has gone */
    }
    us_prefix_drop_owner(engine, prompts);
    assert_int_equal(us_engine_get_free(engine), us_engine_get_ctx(engine));
    end();
}

static void batched_is_as_alone(void **state) { (void)state, compare(1); }
static void takes_are_ranked(void **state) { (void)state, compare(4); }

static void refuses_and_cancels(void **state) {
    (void)state;
    us_job *jobs[8], *extra;
    us_job_spec s = spec_of(0, 1);
    begin(1, 2);
    s.rules.max_tokens = 6000;
    int n = 0;
    while (n < 8 && !us_batch_submit(schedule, &s, &jobs[n], &err)) n++;
    assert_in_range(n, 3, 4); /* one that runs (and perhaps has ended), two that wait */
    assert_int_equal(us_batch_submit(schedule, &s, &extra, &err), US_ERR_LIMIT);
    for (int i = 0; i < n; i++) us_job_free(jobs[i]); /* cancels */
    uint64_t n_passes = us_batch_get_stats(schedule).n_passes;
    s.rules.max_tokens = 100000; /* can never fit: an end in words, not a wait for ever */
    assert_ok(us_batch_submit(schedule, &s, &extra, &err), &err);
    us_buf text;
    us_job_view v;
    us_buf_init(&text, 100);
    wait_for(extra, &text, &v);
    assert_int_equal(v.status, US_ERR_LIMIT);
    us_buf_fini(&text);
    us_job_free(extra);
    assert_int_equal(us_batch_get_stats(schedule).n_passes, n_passes); /* and nothing is done with the engine after it */
    assert_true(us_batch_get_stats(schedule).n_refused >= 1);
    end();
}

/* A job of up to three attempts whose takes `judge` marks: how it ended. */
typedef struct spoken {
    int32_t n_attempts, best, first; /* first: token of the take that is spoken */
    bool leaked;
} spoken;

static spoken judged(int32_t n_takes, us_judge judge, const us_logit_bias *denial) {
    int32_t n_made;
    spoken out = {0};
    us_job *j;
    us_job_view v;
    us_buf text;
    begin(1, 4);
    us_job_spec s = spec_of(0, n_takes);
    s.n_attempts = 3;
    s.denial = denial;
    s.n_denial = denial != NULL;
    s.ranking.judges[0] = judge;
    us_buf_init(&text, 1 << 20);
    assert_ok(us_batch_submit(schedule, &s, &j, &err), &err);
    wait_for(j, &text, &v);
    assert_int_equal(v.status, US_OK);
    out.n_attempts = v.n_attempts;
    const us_take *t = us_job_get_takes(j, &n_made, &out.best);
    out.leaked = t[out.best].leaked;
    out.first = t[out.best].ids.ids[0];
    us_buf_fini(&text);
    us_job_free(j);
    end();
    return out;
}

/* In the first attempt of a job a machine speaks in every take. */
static us_status leaks_first(void *ctx, const us_conversation_view *v, us_candidate *takes, int32_t n, us_error *e) {
    int *calls = ctx;
    (void)v, (void)e;
    for (int32_t i = 0; i < n; i++) takes[i].leaked = !*calls || (*calls == 1 && i);
    ++*calls;
    return US_OK;
}

/* Takes that are all leaks are made again, as often as loops are; a single take has been shown, and stays. */
static void leaks_are_made_again(void **state) {
    (void)state;
    for (int32_t n_takes = 1; n_takes <= 3; n_takes += 2) {
        int calls = 0;
        spoken s = judged(n_takes, (us_judge){leaks_first, &calls}, NULL);
        assert_int_equal(s.n_attempts, n_takes > 1 ? 2 : 1);
        assert_true(n_takes == 1 || (s.best == 0 && !s.leaked));
    }
}

static us_status always_forgets(void *ctx, const us_conversation_view *v, us_candidate *takes, int32_t n, us_error *e) {
    (void)ctx, (void)v, (void)e;
    for (int32_t i = 0; i < n; i++) takes[i].forgets = true;
    return US_OK;
}

/* What the visitor has told is in none of the takes: they are made again once, and then one of them is spoken. */
static void what_is_forgotten_is_asked_once_more(void **state) {
    (void)state;
    for (int32_t n_takes = 1; n_takes <= 3; n_takes += 2)
        assert_int_equal(judged(n_takes, (us_judge){always_forgets, NULL}, NULL).n_attempts, n_takes > 1 ? 2 : 1);
}

static us_status leaks_twice(void *ctx, const us_conversation_view *v, us_candidate *takes, int32_t n, us_error *e) {
    int *calls = ctx;
    (void)v, (void)e;
    for (int32_t i = 0; i < n; i++) takes[i].leaked = *calls < 2;
    ++*calls;
    return US_OK;
}

/* The last attempt after leaks is drawn with the biases of a denial; one after a single leak is not. */
static void last_attempt_denies(void **state) {
    (void)state;
    us_logit_bias word = {42, 100};
    for (int calls = 0; calls < 2; calls++) {
        int at = calls;
        spoken s = judged(3, (us_judge){leaks_twice, &at}, &word);
        assert_int_equal(s.n_attempts, 3 - calls);
        assert_true((s.first == 42) == !calls);
    }
}

/* Of one client who comes first is served first. */
static void first_come_first_served(void **state) {
    (void)state;
    enum { N = 4 };
    us_job *jobs[N];
    begin(1, 8);
    for (int i = 0; i < N; i++) {
        us_job_spec spec = spec_of(i, 1);
        spec.client = 1;
        assert_ok(us_batch_submit(schedule, &spec, &jobs[i], &err), &err);
    }
    for (int i = N - 1; i > 0; i--) {
        us_buf text;
        us_job_view v;
        uint64_t seen = 0;
        us_buf_init(&text, 1 << 20);
        wait_for(jobs[i], &text, &v);
        assert_true(us_job_wait(jobs[i - 1], &seen, 0).done);
        us_buf_fini(&text);
    }
    for (int i = 0; i < N; i++) us_job_free(jobs[i]);
    end();
}

/* What was read with one adapter, and as much of it, is nothing for another, or none. */
static void a_prefix_belongs_to_its_adapter(void **state) {
    (void)state;
    static const struct {
        bool with;
        float scale;
        int32_t cached;
    } jobs[] = {{false, 1, 0}, {true, 1, 0}, {true, 0.5f, 0}, {false, 1, N_PROMPT - 1}, {true, 1, N_PROMPT - 1}};
    char *dir = us_tiny_folder(), path[4096];
    us_adapter *adapter;
    snprintf(path, sizeof path, "%s/a.gguf", dir);
    assert_ok(us_tiny_write_adapter(&(us_tiny){.seed = 3}, 2, 4, path, &err), &err);
    assert_ok(us_adapter_open(model, path, false, &adapter, &err), &err);
    us_tiny_remove(dir);
    begin(1, 4);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        us_job *j;
        us_job_view v;
        us_buf text;
        us_job_spec spec = spec_of(0, 1);
        spec.adapter = jobs[i].with ? adapter : NULL;
        spec.scale = jobs[i].scale;
        us_buf_init(&text, 1 << 20);
        assert_ok(us_batch_submit(schedule, &spec, &j, &err), &err);
        wait_for(j, &text, &v);
        assert_int_equal(v.n_cached, jobs[i].cached);
        us_buf_fini(&text);
        us_job_free(j);
    }
    us_batch_forget(schedule, adapter);
    assert_int_equal(engine->prefixes.n, 1);
    end();
    us_adapter_free(adapter);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(batched_is_as_alone),
                                       cmocka_unit_test(takes_are_ranked),
                                       cmocka_unit_test(shared_prefix_once),
                                       cmocka_unit_test(keeps_a_quarter),
                                       cmocka_unit_test(what_is_wanted_stays),
                                       cmocka_unit_test(so_many_are_kept),
                                       cmocka_unit_test(refuses_and_cancels),
                                       cmocka_unit_test(leaks_are_made_again),
                                       cmocka_unit_test(what_is_forgotten_is_asked_once_more),
                                       cmocka_unit_test(last_attempt_denies),
                                       cmocka_unit_test(first_come_first_served),
                                       cmocka_unit_test(a_prefix_belongs_to_its_adapter)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
