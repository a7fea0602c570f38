/* The director on a tiny model: gradients of its values by central differences, learning, resuming, its file, and the engine's
 * judging against the tape's. */
#include "test.h"
#include "base/file.h"
#include "base/mem.h"
#include "mktiny.h"
#include "model/model.h"
#include "reply/director.h"
#include "train/lists.h"
#include "train/tape.h"
#include "understudy/direct.h"
#include <math.h>

static char *dir, *model_path;
static us_error err;

/* Whoever asks about a number is told that number. */
static us_script *make_script(void) {
    char *path = us_path_join(dir, "s.csv");
    FILE *f = fopen(path, "w");
    us_script *s;
    fputs("name,line\n", f);
    for (int i = 0; i < 360; i++)
        fprintf(f, "Marge,Is it %d?\nHomer,It is %d.\nBart,Not %d?\nLisa,So %d it is!\n,\n", i, i, 3 * i, 3 * i);
    fclose(f);
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &s, &err), &err);
    free(path);
    return s;
}

static us_model *open_model(us_math math) {
    us_model *m;
    assert_ok(us_model_open(model_path, &(us_model_options){.math = math, .n_threads = 2}, &m, &err), &err);
    return m;
}

static void test_lists(void **state) {
    us_script *s = make_script();
    us_lists *l;
    us_list a, b;
    (void)state;
    assert_ok(us_lists_new(s, &(us_director_options){0}, &l, &err), &err);
    assert_true(us_lists_count(l, US_TRAIN) > 500);
    for (size_t i = 0; i < 50; i++) {
        assert_true(us_lists_get(l, US_TRAIN, i, 7, &a));
        assert_true(a.n_takes > 4 && a.n_lines >= 1 && a.right[0] == 1.0);
        for (size_t k = 1; k < a.n_takes; k++) assert_true(a.right[k] == 0 && strcmp(a.takes[k], a.takes[0]));
        const char *first = a.takes[0];
        assert_true(us_lists_get(l, US_TRAIN, i, 7, &b));
        assert_string_equal(b.takes[0], first);
        assert_int_equal(b.n_takes, a.n_takes);
    }
    us_lists_free(l);
    us_script_free(s);
}

/* Labels of another range; a tenth of the examples, always the same, only judges. */
static void test_held_out(const us_script *s, const char *path) {
    us_lists *l;
    us_list a;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    for (int i = 0; i < 200; i++)
        assert_ok(us_buf_appendf(&b, &err,
                                 "{\"character\": \"A\", \"turns\": [\"line %d\"], \"takes\": [\"yes\", \"no\", \"so\"], "
                                 "\"labels\": \"048\", \"of\": 8}\n",
                                 i),
                  &err);
    assert_ok(us_file_write_atomic(path, b.data, b.len, &err), &err);
    assert_ok(us_lists_new(s, &(us_director_options){.examples = path}, &l, &err), &err);
    assert_in_range(us_lists_held(l), 5, 40);
    assert_int_equal(us_lists_held(l) + us_lists_examples(l), 200);
    us_lists_judged(l, 0, &a);
    assert_true(a.n_takes == 3 && a.right[0] == 0 && a.right[1] == 0.5 && a.right[2] == 1);
    assert_true(us_lists_example(l, 0, 1, &a));
    assert_true(a.right[0] == 0 && a.right[2] > a.right[1] && a.right[1] > 0);
    us_lists_free(l);
    us_buf_fini(&b);
}

static void test_examples(void **state) {
    static const char *const bad[] = {
        "{\"character\": \"A\", \"turns\": [\"x\"], \"takes\": [\"y\"], \"labels\": \"3\"}",
        "{\"character\": \"A\", \"turns\": [\"x\"], \"takes\": [\"y\"], \"labels\": \"22\"}",
        "{\"turns\": [\"x\"], \"takes\": [\"y\"], \"labels\": \"2\"}",
        "{\"character\": \"A\", \"turns\": [\"x\"], \"takes\": [\"y\"], \"labels\": \"2\", \"of\": 10}",
        "{\"character\": \"A\", \"turns\": [\"x\"], \"takes\": [\"y\"], \"labels\": \"2\", \"of\": \"x\"}",
        "[",
        "7"};
    char *path = us_path_join(dir, "examples.jsonl");
    us_script *s = make_script();
    us_lists *l;
    us_list a;
    (void)state;
    const char good[] = "{\"character\": \"A\", \"turns\": [\"hi\"], \"takes\": [\"hello\", \"no\"], \"labels\": \"20\"}\n"
                        "{\"character\": \"A\", \"turns\": [\"why\"], \"takes\": [\"because\"], \"labels\": \"2\"}\n";
    assert_ok(us_file_write_atomic(path, good, sizeof good - 1, &err), &err);
    assert_ok(us_lists_new(s, &(us_director_options){.examples = path}, &l, &err), &err);
    assert_int_equal(us_lists_examples(l), 2);
    assert_true(us_lists_example(l, 0, 1, &a));
    assert_true(a.right[0] == 1.0 && a.right[1] == 0 && !strcmp(a.lines[0].text, "hi"));
    assert_true(us_lists_example(l, 1, 1, &a)); /* filled up with what was said to the other */
    assert_true(a.n_takes >= 2 && a.right[0] == 1.0);
    us_lists_free(l);
    test_held_out(s, path);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(us_file_write_atomic(path, bad[i], strlen(bad[i]), &err), &err);
        assert_int_equal(us_lists_new(s, &(us_director_options){.examples = path}, &l, &err), US_ERR_FORMAT);
        assert_non_null(strstr(err.message, "examples.jsonl:1"));
    }
    us_script_free(s);
    free(path);
}

/* A prefix that three takes see. */
enum { ROWS = 14, PREFIX = 5, TAKES = 3 };
static const int32_t tokens[ROWS] = {40, 41, 42, 43, 44, 50, 51, 52, 60, 61, 70, 71, 72, 73},
                     pos[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 5, 6, 5, 6, 7, 8},
                     window[ROWS] = {0, 0, 0, 0, 0, 5, 5, 5, 8, 8, 10, 10, 10, 10}, rows[TAKES] = {7, 9, 13};
static const us_segment segments[TAKES] = {{5, 8}, {8, 10}, {10, 14}};
static const us_train_batch batch = {{ROWS, PREFIX, window, segments, TAKES}, tokens, pos, rows, NULL, TAKES};

static double sum_of(us_tape *t, const float *head, size_t d) {
    const float *h = us_tape_states(t, &batch, 0, NULL);
    double sum = 0;
    for (size_t k = 0; k < TAKES; k++)
        for (size_t i = 0; i < d; i++) sum += (double)(k + 1) * (double)h[k * d + i] * (double)head[i];
    return sum;
}

static void test_gradients(void **state) {
    us_model *m = open_model(US_MATH_F32);
    us_lora l;
    us_tape *t;
    us_pool *pool;
    size_t dims[US_N_MODULES][2], d = (size_t)m->net.n_embd;
    int32_t layers = m->net.n_layers - 1;
    (void)state;
    for (int k = 0; k < US_N_MODULES; k++) us_net_dims(&m->net, (us_module)k, &dims[k][0], &dims[k][1]);
    assert_ok(us_lora_init(&l, layers, 1, (const size_t(*)[2])dims, 4, 8, false, 0x7f, 1, &err), &err);
    for (size_t i = 0; i < l.n_params; i++) l.params[i] += 0.05f * (float)sin(0.7 * (double)i);
    assert_false(us_lora_at(&l, 0, US_MOD_Q)->on);
    assert_ok(us_pool_new(2, &pool, &err), &err);
    us_tape_options o = {.max_rows = ROWS,
                         .max_targets = TAKES,
                         .max_segments = TAKES,
                         .max_prefix = PREFIX,
                         .max_segment = ROWS,
                         .train = true,
                         .f32 = true,
                         .n_layers = layers,
                         .first_layer = 1,
                         .states = true};
    assert_ok(us_tape_new(&m->net, &l, &o, pool, &t, &err), &err);
    float *grad, *head, *d_states;
    assert_ok(us_alloc_aligned(l.n_params * sizeof *grad, &grad, &err), &err);
    assert_ok(us_alloc(d, sizeof *head, &head, &err), &err);
    assert_ok(us_alloc(TAKES * d, sizeof *d_states, &d_states, &err), &err);
    for (size_t i = 0; i < d; i++) head[i] = (float)cos((double)i);
    for (size_t i = 0; i < TAKES * d; i++) d_states[i] = (float)(i / d + 1) * head[i % d];
    us_tape_states(t, &batch, 0, grad);
    us_tape_states_back(t, d_states);
    double worst = 0, most = 0;
    for (size_t i = 0; i < l.n_params; i += 97) {
        float kept = l.params[i], step = 0.02f;
        l.params[i] = kept + step, l.revision++;
        double up = sum_of(t, head, d);
        l.params[i] = kept - step, l.revision++;
        double down = sum_of(t, head, d);
        l.params[i] = kept, l.revision++;
        double want = (up - down) / (2.0 * (double)step);
        worst = fmax(worst, fabs(want - (double)grad[i]));
        most = fmax(most, fabs(want));
    }
    assert_true(most > 1e-3);
    if (worst > 2e-2 * most) fail_msg("a gradient is off by %g where the largest is %g", worst, most);
    free(d_states);
    free(head);
    free(grad);
    us_tape_free(t);
    us_lora_fini(&l);
    us_pool_free(pool);
    us_model_free(m);
}

static us_director_options small(const char *folder) {
    return (us_director_options){.rank = 4,
                                 .layers = 2,
                                 .first_layer = 0,
                                 .lr = 1e-2,
                                 .n_lists = 800,
                                 .batch = 8,
                                 .eval_every = 10,
                                 .n_eval = 30,
                                 .n_threads = 2,
                                 .folder = folder};
}

static double run(us_director_trainer *t, int64_t until, double *first) {
    us_director_report r = {0};
    do {
        assert_ok(us_director_trainer_step(t, &r, &err), &err);
        if (first && r.step == 1) *first = r.loss;
    } while (!r.done && r.step < until);
    return r.loss;
}

static us_director_trainer *open_trainer(us_model *m, const us_script *s, const char *folder) {
    us_director_options o = small(folder);
    us_director_trainer *t;
    assert_ok(us_director_trainer_new(m, s, &o, &t, &err), &err);
    return t;
}

/* It learns; a run cut in two is the run in one piece; and the file judges. */
static void test_training(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_script *s = make_script();
    char *folder = us_path_join(dir, "state"), *one = us_path_join(dir, "one.gguf"), *two = us_path_join(dir, "two.gguf"), *a,
         *b;
    size_t n_a, n_b;
    double first = 0;
    (void)state;
    us_director_trainer *t = open_trainer(m, s, NULL);
    double last = run(t, 1000, &first);
    if (!(first > 1.5 && last < first - 0.2)) fail_msg("loss %g at first, %g at last", first, last);
    assert_ok(us_director_trainer_save(t, one, &err), &err);
    us_director_trainer_free(t);
    t = open_trainer(m, s, folder);
    run(t, 10, NULL);
    us_director_trainer_free(t);
    t = open_trainer(m, s, folder); /* goes on after step 10 */
    run(t, 1000, NULL);
    assert_ok(us_director_trainer_save(t, two, &err), &err);
    us_director_trainer_free(t);
    assert_ok(us_file_read(one, 1 << 24, &a, &n_a, &err), &err);
    assert_ok(us_file_read(two, 1 << 24, &b, &n_b, &err), &err);
    assert_true(n_a == n_b && !memcmp(a, b, n_a));
    us_director *d;
    us_engine *e;
    assert_ok(us_director_open(m, one, &d, &err), &err);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 1024, .n_batch = 64, .n_seq_max = 8, .n_threads = 2}, &e, &err),
              &err);
    const us_said lines[] = {{"Marge", "Is it 3?"}};
    const char *const takes[] = {"So 9 it is!", "It is 3.", "Is it 3?"};
    double v[3], again[3];
    assert_ok(us_director_judge(d, e, lines, 1, "Homer", takes, 3, v, &err), &err);
    int32_t seq; /* nothing stays behind, and the engine still serves */
    for (int i = 0; i < 8; i++) assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    for (int32_t i = 0; i < 8; i++) us_engine_seq_free(e, i);
    assert_ok(us_director_judge(d, e, lines, 1, "Homer", takes, 2, again, &err), &err); /* takes do not see each other */
    assert_true(fabs(v[0] - again[0]) < 1e-4 && fabs(v[1] - again[1]) < 1e-4 && isfinite(v[2]));
    /* as one of the judges of a ranking */
    us_conversation_view view = {.lines = lines, .n_lines = 1, .who = "Homer", .engine = e};
    us_candidate candidates[3] = {{.text = takes[0]}, {.text = takes[1]}, {.text = takes[2]}};
    assert_ok(us_director_choose(d, &view, candidates, 3, &err), &err);
    for (int i = 0; i < 3; i++) assert_true(fabs(candidates[i].judged - US_DIRECTOR_NATS * v[i]) < 1e-2);
    view.engine = NULL; /* another server's takes */
    assert_ok(us_director_choose(d, &view, candidates, 3, &err), &err);
    us_adapter *ad;
    assert_int_not_equal(us_adapter_open(m, one, false, &ad, &err), US_OK); /* it is nobody's manner */
    us_engine_free(e);
    us_director_free(d);
    us_model_free(m);
    us_script_free(s);
    free(a);
    free(b);
    free(folder);
    free(one);
    free(two);
}

/* A head alone, found by the probe; and where directors are looked for. */
static void test_probe_and_find(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_script *s = make_script();
    char *cast = us_path_join(dir, "cast"), *own = us_path_join(cast, "own"), *shared = us_path_join(cast, "director.gguf");
    us_director_options o = {.n_probe = 150, .n_eval = 40, .n_threads = 2};
    us_director_trainer *t;
    us_director_report r;
    us_director *d;
    (void)state;
    assert_ok(us_dir_make(own, &err), &err);
    assert_ok(us_director_find(m, own, NULL, &d, &err), &err);
    assert_null(d);
    assert_ok(us_director_trainer_new(m, s, &o, &t, &err), &err);
    assert_ok(us_director_trainer_probe(t, NULL, NULL, &err), &err);
    assert_ok(us_director_trainer_step(t, &r, &err), &err);
    if (!(r.done && r.evaluated && r.r10 > 0.15)) fail_msg("r10 %g", r.r10); /* chance is 0.1 */
    assert_ok(us_director_trainer_save(t, shared, &err), &err);
    us_director_trainer_free(t);
    assert_ok(us_director_find(m, own, NULL, &d, &err), &err); /* of the folder above */
    assert_non_null(d);
    us_director_free(d);
    assert_ok(us_director_find(m, dir, cast, &d, &err), &err); /* the general one */
    assert_non_null(d);
    us_director_free(d);
    char *other_path = us_path_join(dir, "other.gguf"); /* over another base the general one is none, the cast's an error */
    us_model *other;
    assert_ok(us_tiny_write(&(us_tiny){.n_layers = 3, .seed = 9}, other_path, &err), &err);
    assert_ok(us_model_open(other_path, NULL, &other, &err), &err);
    assert_ok(us_director_find(other, dir, cast, &d, &err), &err);
    assert_null(d);
    assert_int_equal(us_director_find(other, own, NULL, &d, &err), US_ERR_MISMATCH);
    us_model_free(other);
    unlink(other_path);
    free(other_path);
    assert_ok(us_file_write_atomic(shared, "GGUF", 4, &err), &err);
    assert_int_not_equal(us_director_find(m, own, NULL, &d, &err), US_OK);
    assert_null(d);
    unlink(shared);
    rmdir(own);
    rmdir(cast);
    free(cast);
    free(own);
    free(shared);
    us_model_free(m);
    us_script_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists), cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_gradients), cmocka_unit_test(test_training),
                                       cmocka_unit_test(test_probe_and_find)};
    dir = us_tiny_folder();
    model_path = us_path_join(dir, "m.gguf");
    if (us_tiny_write(&(us_tiny){.n_layers = 3}, model_path, &err)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char *state = us_path_join(dir, "state"), *file = us_path_join(state, "director.checkpoint.gguf");
    unlink(file);
    rmdir(state);
    free(file);
    free(state);
    free(model_path);
    us_tiny_remove(dir);
    return failed;
}
