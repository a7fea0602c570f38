/* Preferences among takes: the loss by central differences, through the model too; what is better becomes likelier; runs that
 * were interrupted go on to the same bits. */
#include "test.h"
#include "base/file.h"
#include "base/mem.h"
#include "mktiny.h"
#include "training.h"
#include <jansson.h>

static char *dir, *model_path, *choices_path;
static us_error err;

static us_dataset *make_set(void) {
    char *path = us_path_join(dir, "s.csv");
    FILE *f = fopen(path, "w");
    us_script *s;
    us_dataset *d;
    fputs("name,line\n", f);
    for (int i = 0; i < 24; i++)
        fprintf(f, "Marge,What is %d?\nHomer,It is %d of them.\nBart,And %d?\nHomer,Number %d.\n,\n", i, i * 7 % 10, i + 3,
                i % 4);
    fclose(f);
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &s, &err), &err);
    us_dataset_options o = {.character = "Homer", .system = "You are Homer.", .validation = 0.2, .test = 0.1};
    assert_ok(us_dataset_build(s, &o, &d, &err), &err);
    us_script_free(s);
    free(path);
    return d;
}

/* Of four answers the long one is best; one conversation is with somebody else. */
static void write_choices(void) {
    FILE *f = fopen(choices_path, "w");
    for (int i = 0; i < 60; i++)
        fprintf(f,
                "{\"character\": \"%s\", \"turns\": [\"Hello %d\", \"Hi.\", \"And %d?\"], \"takes\": [\"Mmm, donuts of %d.\", "
                "\"No.\", "
                "\"No.\", \"Why %d?\", \"You said %d.\"], \"labels\": \"80043\", \"of\": 8}\n",
                i == 7 ? "Marge" : "Homer", i, i * 3, i, i, i);
    fclose(f);
}

static us_train_options small(void) {
    us_train_options o = short_run();
    o.batch_rows = 100, o.choices = choices_path;
    return o;
}

static us_model *open_model(us_math math) {
    us_model *m;
    assert_ok(us_model_open(model_path, &(us_model_options){.math = math, .n_threads = 2}, &m, &err), &err);
    return m;
}

/* A trainer with these lines as its choices. */
static us_trainer *new_trainer(us_model *m, const us_dataset *d, const char *lines) {
    char *path = us_path_join(dir, "lines.jsonl");
    us_train_options o = small();
    us_trainer *t;
    o.choices = path;
    assert_ok(us_file_write_atomic(path, lines, strlen(lines), &err), &err);
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    remove(path);
    free(path);
    return t;
}

/* d(loss)/d(nats) of a conversation, but for the best take's own loss, whose weight stands beside it. */
static void the_loss_has_its_gradient(void **state) {
    us_choice c = {.n = 4, .labels = {0.5f, 0, 0.5f, 0.25f}};
    const double before[4] = {10, 12, 11, 9}, h = 1e-5;
    double now[4] = {10.5, 11, 12, 8}, weights[4], unused[4];
    (void)state;
    us_choice_loss(&c, before, now, weights);
    for (int k = 0; k < 4; k++) {
        double x = now[k];
        now[k] = x + h;
        double up = us_choice_loss(&c, before, now, unused);
        now[k] = x - h;
        double down = us_choice_loss(&c, before, now, unused);
        now[k] = x;
        assert_true(fabs((up - down) / (2 * h) - weights[k]) < 1e-8);
    }
    assert_true(fabs(us_choice_loss(&c, before, before, weights) - log(2)) < 1e-12); /* nothing is preferred yet */
    c = (us_choice){.n = 2, .labels = {1, 0}};
    us_choice_loss(&c, before, before, weights);
    assert_true(weights[0] > -weights[1] && weights[1] < 0); /* a good one is learned besides */
    c = (us_choice){.n = 2, .labels = {0.5f, 0.5f}};
    assert_true(us_choice_loss(&c, before, now, weights) == 0 && weights[0] == 0 && weights[1] == 0);
}

/* The weights of the packed targets reach the factors: the gradient is that of the sum of weighted nats. */
static void weights_reach_the_factors(void **state) {
    us_model *m = open_model(US_MATH_F32);
    us_dataset *d = make_set();
    us_train_options o = small();
    us_trainer *t;
    (void)state;
    o.micro_rows = 1024;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    us_tape *tape = exact_tape(t, 1200);
    us_packer_clear(&t->packer, &t->s);
    const us_choice *c = &t->choices.learned[0];
    for (int32_t k = 0; k < c->n; k++) {
        us_sequence *q = &t->s.seqs[c->first + (size_t)k];
        q->weight = k % 2 ? -0.7f : 1.3f;
        assert_true(q->choice && us_packer_add(&t->packer, &t->s, q));
    }
    const us_train_batch *b = &t->packer.batch;
    float *grad = calloc(t->lora.n_params, sizeof *grad), *nats = calloc((size_t)b->n_targets, sizeof *nats);
    us_tape_loss_and_grad(tape, b, 1, 0, grad);
    for (int probe = 0; probe < 6; probe++) {
        size_t i = t->lora.n_params / 7 * (size_t)(probe + 1);
        float x = t->lora.params[i], h = 4e-3f;
        double sum[2] = {0};
        for (int side = 0; side < 2; side++) {
            t->lora.params[i] = side ? x - h : x + h, t->lora.revision++;
            us_tape_loss(tape, b, nats);
            for (int32_t k = 0; k < b->n_targets; k++) sum[side] += (double)nats[k] * (double)b->weights[k];
        }
        t->lora.params[i] = x, t->lora.revision++;
        double want = (sum[0] - sum[1]) / (2 * (double)h);
        assert_true(fabs(want - (double)grad[i]) < 2e-3 + 0.03 * fabs(want));
    }
    free(grad), free(nats);
    us_tape_free(tape);
    us_trainer_free(t);
    us_dataset_free(d);
    us_model_free(m);
}

static void what_is_better_becomes_likelier(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set();
    us_train_options o = small();
    us_trainer *t;
    us_train_report r;
    (void)state;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    us_train_facts f = us_trainer_get_facts(t);
    assert_int_equal(f.choices[0] + f.choices[1], 59); /* not what is said to Marge */
    assert_true(f.choices[1] > 0);
    for (size_t i = 0; i < t->choices.n_learned; i++)
        assert_int_equal(t->choices.learned[i].n, 4); /* what is said twice counts once */
    o.choices = NULL;
    us_trainer *without;
    assert_ok(us_trainer_new(m, d, &o, NULL, &without, &err), &err);
    assert_int_equal(us_trainer_get_facts(without).rows[US_TRAIN], f.rows[US_TRAIN]); /* they are of no part */
    assert_int_equal(us_trainer_get_facts(without).n_steps, f.n_steps);
    us_trainer_free(without);
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    printf("# held-out choices: loss %.3f, worth %.3f, before %.3f\n", r.choices_loss, r.choices_worth, r.choices_worth_before);
    assert_true(r.choices_loss < 0.6 && r.choices_worth > r.choices_worth_before + 0.1);
    us_trainer_free(t);
    us_dataset_free(d);
    us_model_free(m);
}

static void interrupted_runs_go_on(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set();
    us_train_options o = small();
    char *folder = us_path_join(dir, "run");
    us_trainer *whole, *part;
    us_train_report r;
    (void)state;
    assert_ok(us_trainer_new(m, d, &o, NULL, &whole, &err), &err);
    do assert_ok(us_trainer_step(whole, &r, &err), &err);
    while (!r.done);
    for (int sitting = 0; sitting < 3; sitting++) {
        assert_ok(us_trainer_new(m, d, &o, folder, &part, &err), &err);
        if (sitting) assert_ok(us_trainer_resume(part, &err), &err);
        for (int i = 0; i < 4; i++) assert_ok(us_trainer_step(part, &r, &err), &err);
        if (sitting < 2) us_trainer_free(part);
    }
    assert_true(r.done);
    assert_memory_equal(part->lora.params, whole->lora.params, whole->lora.n_params * sizeof(float));
    assert_memory_equal(part->best, whole->best, whole->lora.n_params * sizeof(float));
    us_trainer_free(part);
    us_trainer_free(whole);
    o.choices = NULL; /* another run than that one */
    assert_ok(us_trainer_new(m, d, &o, folder, &part, &err), &err);
    assert_int_equal(us_trainer_resume(part, &err), US_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "choices="));
    us_trainer_free(part);
    us_dir_remove(folder);
    free(folder);
    us_dataset_free(d);
    us_model_free(m);
}

/* Where the model's template lets nobody but the user speak first, a greeting at the head is not read. */
static void greetings_are_no_obstacle(void **state) {
    us_tiny tiny = {.arch = "llama", .seed = 5, .type = US_TYPE_Q8_0, .spm = true, .chat = "llama2", .n_ctx = 1024};
    char *other = us_path_join(dir, "llama2.gguf");
    us_dataset *d = make_set();
    us_model *m;
    (void)state;
    assert_ok(us_tiny_write(&tiny, other, &err), &err);
    assert_ok(us_model_open(other, &(us_model_options){.n_threads = 2}, &m, &err), &err);
    const us_template *tpl;
    assert_ok(us_model_get_template(m, &tpl, &err), &err);
    assert_true(us_template_user_first(tpl));
    us_trainer *plain = new_trainer(
        m, d, "{\"character\": \"Homer\", \"turns\": [\"Hello you\"], \"takes\": [\"a\", \"b\"], \"labels\": \"20\"}");
    us_trainer *greeted = new_trainer(
        m, d,
        "{\"character\": \"Homer\", \"turns\": [\"Welcome!\", \"Hello you\"], \"takes\": [\"a\", \"b\"], \"labels\": \"20\"}");
    assert_int_equal(greeted->s.n_rows, plain->s.n_rows);
    assert_memory_equal(greeted->s.tokens, plain->s.tokens, plain->s.n_rows * sizeof *plain->s.tokens);
    us_trainer_free(greeted);
    us_trainer_free(plain);
    remove(other);
    free(other);
    us_dataset_free(d);
    us_model_free(m);
}

/* A conversation that is held out and prefers nothing judges nothing. */
static void what_prefers_nothing_judges_nothing(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set();
    (void)state;
    for (int label = 1; label <= 2; label++) { /* "Hello 0" is held out */
        char lines[512];
        snprintf(lines, sizeof lines,
                 "{\"character\": \"Homer\", \"turns\": [\"Hello 0\"], \"takes\": [\"a\", \"b\"], \"labels\": \"1%d\"}\n"
                 "{\"character\": \"Homer\", \"turns\": [\"Hello you\"], \"takes\": [\"a\", \"b\"], \"labels\": \"20\"}\n",
                 label);
        us_trainer *t = new_trainer(m, d, lines);
        assert_int_equal(us_trainer_get_facts(t).choices[0], 1);
        assert_int_equal(us_trainer_get_facts(t).choices[1], label - 1);
        us_trainer_free(t);
    }
    us_dataset_free(d);
    us_model_free(m);
}

/* Too few to hold one out: what has been learned is kept, though it makes the lines unlikelier. */
static void a_few_choices_are_learned_too(void **state) {
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set();
    char *path = us_path_join(dir, "few.jsonl"), *before = us_path_join(dir, "before.gguf");
    static const char one[] =
        "{\"character\": \"Homer\", \"turns\": [\"Hello you\"], \"takes\": [\"Donuts\", \"No.\"], \"labels\": \"20\"}\n";
    us_train_options o = small();
    us_trainer *t;
    us_train_report r;
    (void)state;
    assert_ok(us_file_write_atomic(path, one, sizeof one - 1, &err), &err);
    o.choices = NULL;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    assert_ok(us_trainer_save_adapter(t, US_ADAPTER_F32, before, &err), &err);
    us_trainer_free(t);
    o.choices = path;
    o.lr = 0.1, o.max_steps = 4;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    assert_int_equal(us_trainer_get_facts(t).choices[1], 0);
    assert_ok(us_trainer_continue(t, before, &err), &err);
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    printf("# the lines: %.3f before, %.3f after\n", t->curve.validation[0][1], r.validation_loss);
    assert_true(r.validation_loss > t->curve.validation[0][1] + 0.01); /* by the lines the adapter before would be kept */
    assert_int_equal(r.best_step, 4);
    assert_memory_equal(t->best, t->lora.params, t->lora.n_params * sizeof(float));
    us_trainer_free(t);
    remove(path), remove(before);
    free(path), free(before);
    us_dataset_free(d);
    us_model_free(m);
}

static void bad_files_are_refused(void **state) {
    static const char *const bad[][2] = {
        {"{\"character\": \"Marge\", \"turns\": [\"a\"], \"takes\": [\"b\", \"c\"], \"labels\": \"20\"}\n", "Homer"},
        {"{\"character\": \"Homer\", \"turns\": [\"a\"], \"takes\": [\"b\", \"c\"], \"labels\": \"2\"}\n", ":1:"},
        {"{\"character\": \"Homer\", \"turns\": [\"a\"], \"takes\": [\"b\", \" \"], \"labels\": \"02\"}\n", "none is empty"},
        {"\n{\"character\": \"Homer\", \"turns\": []}\n", ":2:"},
        {"{\"character\"\n", ":1:"},
        {"", "Homer"}};
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set();
    char *path = us_path_join(dir, "bad.jsonl");
    us_train_options o = small();
    us_trainer *t;
    (void)state;
    o.choices = path;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(us_file_write_atomic(path, bad[i][0], strlen(bad[i][0]), &err), &err);
        assert_int_equal(us_trainer_new(m, d, &o, NULL, &t, &err), US_ERR_FORMAT);
        assert_non_null(strstr(err.message, bad[i][1]));
    }
    assert_ok(us_file_write_atomic(path, "\n\0\n", 3, &err), &err);
    assert_int_equal(us_trainer_new(m, d, &o, NULL, &t, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "NUL"));
    char lines[2048]; /* longer than any sequence */
    snprintf(lines, sizeof lines, "{\"character\": \"Homer\", \"turns\": [\"a\"], \"takes\": [\"%01500d\"], \"labels\": \"2\"}",
             0);
    assert_ok(us_file_write_atomic(path, lines, strlen(lines), &err), &err);
    assert_int_equal(us_trainer_new(m, d, &o, NULL, &t, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "--max-sequence"));
    remove(path);
    assert_int_equal(us_trainer_new(m, d, &o, NULL, &t, &err), US_ERR_NOT_FOUND);
    free(path);
    us_dataset_free(d);
    us_model_free(m);
}

int main(void) {
    dir = us_tiny_folder();
    model_path = us_path_join(dir, "m.gguf");
    choices_path = us_path_join(dir, "choices.jsonl");
    write_choices();
    if (us_tiny_write(&(us_tiny){.arch = "llama", .seed = 5, .type = US_TYPE_Q8_0, .chat = "chatml", .n_ctx = 1024}, model_path,
                      &err))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_has_its_gradient),       cmocka_unit_test(weights_reach_the_factors),
        cmocka_unit_test(what_is_better_becomes_likelier), cmocka_unit_test(interrupted_runs_go_on),
        cmocka_unit_test(a_few_choices_are_learned_too),   cmocka_unit_test(what_prefers_nothing_judges_nothing),
        cmocka_unit_test(greetings_are_no_obstacle),       cmocka_unit_test(bad_files_are_refused)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    us_tiny_remove(dir);
    return rc;
}
