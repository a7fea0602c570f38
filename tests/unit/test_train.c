/* Training on a tiny model: scene packing against one sequence a line, determinism, checkpoints, the adapter's file. */
#include "test.h"
#include "mktiny.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "train/adamw.h"
#include "training.h"
#include "understudy/generate.h"
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

static char *dir, *model_path;
static us_error err;

/* Short scenes, none longer than the history; with `longer` one that is. */
static us_dataset *make_any_set(bool longer, us_dataset_options o) {
    char *path = us_path_join(dir, "s.csv");
    FILE *f = fopen(path, "w");
    us_script *s;
    us_dataset *d;
    fputs("name,line\n", f);
    for (int i = 0; i < 24; i++)
        fprintf(f, "Marge,What is %d?\nHomer,It is %d of them.\nBart,And %d?\nLisa,No!\nHomer,\"Mmm, number %d.\"\n,\n", i,
                i * 7 % 10, i + 3, i % 4);
    for (int i = 0; longer && i < 14; i++) fprintf(f, "Marge,Line %d.\nHomer,Reply %d.\n", i, i);
    fclose(f);
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &s, &err), &err);
    o.validation = 0.2, o.test = 0.1;
    assert_ok(us_dataset_build(s, &o, &d, &err), &err);
    us_script_free(s);
    free(path);
    return d;
}

static us_dataset *make_set(bool longer) {
    return make_any_set(longer, (us_dataset_options){.character = "Homer", .system = "You are Homer."});
}

static us_model *open_model(us_math math) {
    us_model *m;
    assert_ok(us_model_open(model_path, &(us_model_options){.math = math, .n_threads = 2}, &m, &err), &err);
    return m;
}

/* Loss and gradients of a whole part, float32. */
static double gradients(us_model *m, const us_dataset *d, bool windowed, float *grad, uint64_t *targets) {
    us_trainer *t;
    us_train_options o = short_run();
    o.windowed = windowed;
    o.micro_rows = 4096;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    us_tape *tape = exact_tape(t, 4200);
    us_packer_clear(&t->packer, &t->s);
    for (size_t i = 0; i < t->s.n; i++)
        if (t->s.seqs[i].part == US_TRAIN) assert_true(us_packer_add(&t->packer, &t->s, &t->s.seqs[i]));
    *targets = (uint64_t)t->packer.batch.n_targets;
    double nats = us_tape_loss_and_grad(tape, &t->packer.batch, 1.0f / (float)*targets, 0, grad);
    us_tape_free(tape);
    us_trainer_free(t);
    return nats / (double)*targets;
}

static void packing_equals_one_sequence_a_line(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_F32);
    us_dataset *d = make_set(false);
    us_trainer *t;
    us_train_options o = short_run();
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    size_t n = t->lora.n_params;
    us_trainer_free(t);
    float *a = calloc(n, 4), *b = calloc(n, 4);
    uint64_t ta, tb;
    double packed = gradients(m, d, false, a, &ta), windowed = gradients(m, d, true, b, &tb), diff = 0, size = 0;
    assert_int_equal(ta, tb);
    for (size_t i = 0; i < n; i++) diff += ((double)a[i] - b[i]) * ((double)a[i] - b[i]), size += (double)b[i] * b[i];
    printf("# loss %.7f packed, %.7f a sequence a line; gradients differ by %.2g of their norm\n", packed, windowed,
           sqrt(diff / size));
    assert_true(fabs(packed - windowed) < 1e-5);
    assert_true(sqrt(diff / size) < 1e-4);
    assert_true(size > 0);
    us_dataset_free(d);
    d = make_set(true); /* here a history line has seen its own history: close, not equal */
    packed = gradients(m, d, false, a, &ta);
    windowed = gradients(m, d, true, b, &tb);
    assert_int_equal(ta, tb);
    assert_true(fabs(packed - windowed) < 0.1);
    free(a);
    free(b);
    us_dataset_free(d);
    us_model_free(m);
}

static us_trainer *new_trainer(us_model *m, const us_dataset *d, int threads, const char *folder, double dropout) {
    us_trainer *t;
    us_train_options o = short_run();
    o.n_threads = threads;
    o.dropout = dropout;
    assert_ok(us_trainer_new(m, d, &o, folder, &t, &err), &err);
    return t;
}

/* First words of visitors are learned in the sequence of their scene, behind a mask of their own. */
static void first_words_cost_nothing(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *plain = make_set(true),
               *d = make_any_set(true, (us_dataset_options){.character = "Homer", .system = "You are Homer.", .visitors = 0.5});
    us_trainer *a, *b;
    us_train_options o = short_run();
    o.max_sequence = 1024;
    assert_ok(us_trainer_new(m, plain, &o, NULL, &a, &err), &err);
    assert_ok(us_trainer_new(m, d, &o, NULL, &b, &err), &err);
    assert_int_equal(a->s.n, b->s.n);
    assert_int_equal(a->s.n_targets, b->s.n_targets);
    size_t masked = 0;
    for (size_t i = 0; i < b->s.n; i++)
        for (int32_t k = 0; k < b->s.seqs[i].n_rows; k++) {
            int32_t w = b->s.window[b->s.seqs[i].row + (size_t)k];
            assert_true(w >= 0 && w <= k);
            masked += w > 0;
        }
    assert_true(masked > 0 && masked < b->s.n_rows);
    us_trainer_free(a);
    us_trainer_free(b);
    us_dataset_free(plain);
    us_dataset_free(d);
    us_model_free(m);
}

static void learns_and_resumes_bit_for_bit(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(true);
    char *folder = us_path_join(dir, "run"), *file = us_path_join(folder, "checkpoint.gguf");
    us_train_report r;
    us_trainer *whole = new_trainer(m, d, 1, NULL, 0.1);
    double first = 0;
    do {
        assert_ok(us_trainer_step(whole, &r, &err), &err);
        if (r.step == 1) first = r.loss;
    } while (!r.done);
    printf("# loss %.3f -> %.3f, validation %.3f\n", first, r.loss, r.best_loss);
    assert_true(r.loss < first - 0.3);
    assert_int_equal(r.step, 12);
    assert_true(us_trainer_adapter_norm(whole) > 0);
    us_trainer *part = new_trainer(m, d, 3, folder, 0.1);
    for (int i = 0; i < 5; i++) assert_ok(us_trainer_step(part, &r, &err), &err);
    us_trainer_free(part);
    for (int round = 0; round < 3; round++) { /* a child goes on and is killed at any moment */
        pid_t child = fork();
        if (!child) {
            us_trainer *t = new_trainer(m, d, 1, folder, 0.1);
            if (us_trainer_resume(t, &err)) _exit(1);
            for (int i = 0; i < 2; i++)
                if (us_trainer_step(t, &r, &err)) _exit(2);
            kill(getpid(), SIGKILL);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
    }
    part = new_trainer(m, d, 2, folder, 0.1);
    assert_ok(us_trainer_resume(part, &err), &err);
    assert_int_equal(part->state.step, 11);
    do assert_ok(us_trainer_step(part, &r, &err), &err);
    while (!r.done);
    assert_memory_equal(part->lora.params, whole->lora.params, whole->lora.n_params * sizeof(float));
    assert_memory_equal(part->best, whole->best, whole->lora.n_params * sizeof(float));
    assert_int_equal(part->curve.n_training, 12);
    assert_memory_equal(part->curve.training, whole->curve.training, 12 * sizeof *whole->curve.training);
    assert_int_equal(part->curve.n_validation, whole->curve.n_validation);
    assert_true(part->state.base_loss == whole->state.base_loss && part->state.rows == whole->state.rows);
    us_trainer_free(part);
    us_trainer *other;
    us_train_options o = short_run();
    o.lr = 1e-4;
    assert_ok(us_trainer_new(m, d, &o, folder, &other, &err), &err);
    assert_int_equal(us_trainer_resume(other, &err), US_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "dropout=0.1"));
    us_trainer_free(other);
    char *bytes;
    size_t n;
    assert_ok(us_file_read(file, 1 << 24, &bytes, &n, &err), &err);
    for (size_t cut = 0; cut < n; cut += n / 37 + 1) { /* a truncated or damaged checkpoint is refused */
        assert_ok(us_file_write_atomic(file, bytes, cut, &err), &err);
        part = new_trainer(m, d, 1, folder, 0.1);
        assert_true(us_trainer_resume(part, &err) != US_OK);
        us_trainer_free(part);
    }
    remove(file);
    rmdir(folder);
    free(bytes);
    free(folder);
    free(file);
    us_trainer_free(whole);
    us_dataset_free(d);
    us_model_free(m);
}

static void continues_from_an_adapter(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(true);
    char *folder = us_path_join(dir, "season"), *file = us_path_join(dir, "before.gguf"), *copy;
    us_train_report r, first;
    us_trainer *t = new_trainer(m, d, 1, NULL, 0), *on;
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    double learned = us_trainer_evaluate(t, US_VALIDATION, 0, US_BEST, NULL);
    assert_ok(us_trainer_save_adapter(t, US_ADAPTER_F32, file, &err), &err);
    on = new_trainer(m, d, 1, folder, 0);
    copy = us_path_join(folder, US_TRAIN_CONTINUED);
    assert_int_equal(us_trainer_continue(on, NULL, &err), US_ERR_NOT_FOUND); /* nothing was begun here */
    assert_ok(us_trainer_continue(on, file, &err), &err);
    assert_memory_equal(on->lora.params, t->best, t->lora.n_params * sizeof(float));
    assert_ok(us_trainer_step(on, &first, &err), &err);
    assert_true(fabs(first.best_loss - learned) < 1e-6 && first.best_step == 0);
    assert_true(first.base_loss == t->state.base_loss); /* without any adapter, not without more */
    assert_int_equal(us_trainer_continue(on, file, &err), US_ERR_ARGUMENT);
    assert_ok(us_trainer_checkpoint(on, &err), &err);
    remove(file); /* it may be replaced meanwhile: a copy lies beside the checkpoint */
    us_trainer_free(on);
    on = new_trainer(m, d, 1, folder, 0);
    assert_int_equal(us_trainer_resume(on, &err), US_ERR_MISMATCH); /* another run than that one */
    us_trainer_free(on);
    on = new_trainer(m, d, 1, folder, 0);
    assert_ok(us_trainer_continue(on, NULL, &err), &err);
    assert_ok(us_trainer_resume(on, &err), &err);
    assert_int_equal(on->state.step, 1);
    us_trainer_free(on);
    us_train_options o = short_run(); /* a higher rank: the same function, more room */
    o.rank = 5, o.alpha = 3;
    assert_ok(us_trainer_new(m, d, &o, NULL, &on, &err), &err);
    assert_ok(us_trainer_continue(on, copy, &err), &err);
    assert_true(fabs(us_trainer_evaluate(on, US_VALIDATION, 0, US_CURRENT, NULL) - learned) < 1e-3);
    us_trainer_free(on);
    o = short_run();
    o.rank = 1;
    assert_ok(us_trainer_new(m, d, &o, NULL, &on, &err), &err);
    assert_int_equal(us_trainer_continue(on, copy, &err), US_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "give --rank"));
    us_trainer_free(on);
    o = short_run();
    o.modules = "q";
    assert_ok(us_trainer_new(m, d, &o, NULL, &on, &err), &err);
    assert_int_equal(us_trainer_continue(on, copy, &err), US_ERR_MISMATCH);
    us_trainer_free(on);
    us_trainer_free(t);
    us_dir_remove(folder);
    free(folder);
    free(file);
    free(copy);
    us_dataset_free(d);
    us_model_free(m);
}

/* Stops at the n-th time that it is asked, and says whether that was within a validation. */
typedef struct fuse {
    int left;
    bool in_validation;
} fuse;
static bool burn(void *ctx, int32_t n_done, int32_t n_total) {
    fuse *f = ctx;
    assert_true(n_done >= 0 && n_done <= n_total);
    if (--f->left > 0) return true;
    f->in_validation = n_total > 0;
    return false;
}

/* Asked to end between any two layers, of a step and of a validation, it goes on to the same bits. */
/* The tokens of a sequence as text. */
static void text_of(const us_model *m, const us_sequences *s, const us_sequence *q, us_buf *out) {
    const us_tokenizer *tok = us_model_get_tokenizer(m);
    us_buf_clear(out);
    for (int32_t i = 0; i < q->n_rows; i++) {
        size_t n;
        const char *p = us_tokenizer_piece(tok, s->tokens[q->row + (size_t)i], &n);
        assert_ok(us_buf_append(out, p, n, &err), &err);
    }
}

/* All of a scene is learned, in one sequence behind the persona of who plays it; a long scene in pieces, each with the persona. */
static void a_series_learns_whole_scenes(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_any_set(true, (us_dataset_options){.series = true, .system = "You are {{char}}."});
    us_train_options o = short_run();
    us_trainer *t, *on;
    us_train_report r;
    size_t n, n_turns, pieces = 0;
    us_buf text;
    us_buf_init(&text, 1 << 20);
    o.max_sequence = 200;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    assert_int_equal(t->s.n_prefix, 0);
    const us_example *e = us_dataset_get_examples(d, &n);
    const us_turn *turns = us_dataset_get_turns(d, &n_turns);
    for (size_t i = 0; i < t->s.n; i++) {
        const us_sequence *q = &t->s.seqs[i];
        char begin[128];
        text_of(m, &t->s, q, &text);
        snprintf(begin, sizeof begin, "<|im_start|>system\n%s<|im_end|>\n<|im_start|>user\n", e[q->example].system);
        assert_memory_equal(text.data, begin, strlen(begin));
        assert_true(q->n_rows <= 200);
        for (int32_t k = 0; k < q->n_rows; k++) assert_int_equal(t->s.window[q->row + (size_t)k], 0);
        pieces += i && q->example == t->s.seqs[i - 1].example;
        if (e[q->example].n_turns != 4 || (i && q->example == t->s.seqs[i - 1].example)) continue;
        size_t learned = 0; /* what is learned is what was said, and the marks behind it */
        for (uint32_t k = 0; k < 4; k++) {
            us_tokens ids = {0};
            const char *said = turns[e[q->example].first_turn + k].text;
            assert_ok(us_tokenizer_encode(us_model_get_tokenizer(m), said, strlen(said), 0, &ids, &err), &err);
            learned += ids.n + 1;
            us_tokens_fini(&ids);
        }
        assert_int_equal(q->n_targets, learned);
    }
    assert_true(pieces > 0);
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    assert_true(r.best_loss < r.base_loss - 0.5);
    char *file = us_path_join(dir, "series.gguf");
    assert_ok(us_trainer_save_adapter(t, US_ADAPTER_F32, file, &err), &err);
    us_dataset *homer = make_set(true); /* a character that begins from it knows more than the base */
    on = new_trainer(m, homer, 1, NULL, 0);
    assert_ok(us_trainer_continue(on, file, &err), &err);
    assert_true(us_trainer_evaluate(on, US_VALIDATION, 0, US_CURRENT, NULL) <
                us_trainer_evaluate(on, US_VALIDATION, 0, US_BASE, NULL) - 0.5);
    remove(file);
    free(file);
    us_buf_fini(&text);
    us_trainer_free(on);
    us_trainer_free(t);
    us_dataset_free(homer);
    us_dataset_free(d);
    us_model_free(m);
}

static void interrupted_anywhere_goes_on_bit_for_bit(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(true);
    char *folder = us_path_join(dir, "fuse"), *file = us_path_join(folder, "checkpoint.gguf");
    us_train_report r;
    us_trainer *whole = new_trainer(m, d, 2, NULL, 0.1), *part = NULL;
    do assert_ok(us_trainer_step(whole, &r, &err), &err);
    while (!r.done);
    bool seen[2] = {false, false}, done = false;
    for (int i = 0; !done; i++) {
        fuse f = {.left = 20 + i * 31 % 400};
        us_train_options o = short_run();
        o.dropout = 0.1;
        o.working = burn;
        o.working_ctx = &f;
        us_status st = us_trainer_new(m, d, &o, folder, &part, &err);
        assert_ok(st, &err);
        if (i) assert_ok(us_trainer_resume(part, &err), &err);
        do st = us_trainer_step(part, &r, &err);
        while (!st && !r.done);
        done = !st;
        if (done) break;
        assert_int_equal(st, US_ERR_INTERRUPTED);
        seen[f.in_validation] = true;
        assert_ok(us_trainer_checkpoint(part, &err), &err);
        us_trainer_free(part);
        assert_true(i < 500);
    }
    assert_true(seen[0] && seen[1]);
    assert_memory_equal(part->lora.params, whole->lora.params, whole->lora.n_params * sizeof(float));
    assert_memory_equal(part->best, whole->best, whole->lora.n_params * sizeof(float));
    assert_int_equal(part->curve.n_validation, whole->curve.n_validation);
    assert_memory_equal(part->curve.validation, whole->curve.validation,
                        whole->curve.n_validation * sizeof *whole->curve.validation);
    us_trainer_free(part);
    part = new_trainer(m, d, 1, folder, 0.1);
    assert_ok(us_trainer_resume(part, &err), &err);
    us_trainer_end(part);
    assert_ok(us_trainer_step(part, &r, &err), &err);
    assert_true(r.done && !r.rows);
    us_trainer_free(part);
    remove(file);
    rmdir(folder);
    free(folder);
    free(file);
    us_trainer_free(whole);
    us_dataset_free(d);
    us_model_free(m);
}

/* The file that is written gives the engine what the tape has learned. */
static void the_adapter_serves_what_was_learned(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_F32);
    us_dataset *d = make_set(false);
    us_trainer *t = new_trainer(m, d, 2, NULL, 0);
    us_train_report r;
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    char *path = us_path_join(dir, "a.gguf");
    for (int type = US_ADAPTER_F16; type <= US_ADAPTER_F32; type++) {
        us_adapter *a;
        us_engine *e;
        int32_t seq;
        assert_ok(us_trainer_save_adapter(t, (us_adapter_type)type, path, &err), &err);
        assert_ok(us_adapter_open(m, path, false, &a, &err), &err);
        assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 512, .kv_type = US_KV_F32}, &e, &err), &err);
        double nats = 0;
        uint64_t targets = 0;
        for (size_t i = 0; i < t->s.n; i++) { /* every validation sequence, one after the other */
            const us_sequence *q = &t->s.seqs[i];
            if (q->part != US_VALIDATION) continue;
            int32_t ids[512], len = t->s.n_prefix + q->n_rows;
            memcpy(ids, t->s.prefix, sizeof(int32_t) * (size_t)t->s.n_prefix);
            memcpy(ids + t->s.n_prefix, t->s.tokens + q->row, sizeof(int32_t) * (size_t)q->n_rows);
            assert_ok(us_engine_seq_new(e, &seq, &err), &err);
            us_engine_seq_set_adapter(e, seq, a, 1);
            assert_ok(
                us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = len, .logits = US_LOGITS_ALL}, 1, &err),
                &err);
            for (int32_t k = 0; k < q->n_targets; k++) {
                const float *l = us_engine_get_logits(e, 0, t->s.n_prefix + t->s.target_row[q->target + (size_t)k]);
                nats += us_kern_get()->logsumexp(l, (size_t)m->net.n_vocab) - (double)l[t->s.target_id[q->target + (size_t)k]];
            }
            targets += (uint64_t)q->n_targets;
            us_engine_seq_free(e, seq);
        }
        uint64_t same;
        double want = us_trainer_evaluate(t, US_VALIDATION, 0, US_BEST, &same);
        assert_int_equal(targets, same);
        printf("# type %d: %.5f served, %.5f trained\n", type, nats / (double)targets, want);
        assert_true(fabs(nats / (double)targets - want) < (type == US_ADAPTER_F32 ? 1e-4 : 2e-2));
        us_engine_free(e);
        us_adapter_free(a);
    }
    remove(path);
    free(path);
    us_trainer_free(t);
    us_dataset_free(d);
    us_model_free(m);
}

/* Answers of the base: without the persona, as if they were learned alone; the same for a seed, whatever the threads. */
static void rehearsal_is_learned_without_the_persona(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_F32);
    us_dataset *d = make_set(false);
    us_trainer *t, *alone, *same;
    us_train_options o = short_run();
    o.rehearsal = 0.5;
    o.max_steps = 4;
    assert_ok(us_trainer_new(m, d, &o, NULL, &t, &err), &err);
    o.n_threads = 1;
    assert_ok(us_trainer_new(m, d, &o, NULL, &same, &err), &err);
    assert_int_equal(same->s.n_rows, t->s.n_rows);
    assert_memory_equal(same->s.tokens, t->s.tokens, t->s.n_rows * sizeof *t->s.tokens);
    us_trainer_free(same);
    o.rehearsal = 0;
    assert_ok(us_trainer_new(m, d, &o, NULL, &alone, &err), &err);
    us_train_facts with = us_trainer_get_facts(t), without = us_trainer_get_facts(alone);
    assert_true(with.rehearsal_targets >= without.targets[US_TRAIN] &&
                with.rehearsal_targets < without.targets[US_TRAIN] + 96); /* half of all; the last answer may go over it */
    assert_int_equal(with.targets[US_TRAIN] - with.rehearsal_targets, without.targets[US_TRAIN]);
    assert_int_equal(with.targets[US_VALIDATION], without.targets[US_VALIDATION]);
    /* A trainer that knows nothing but these answers, as conversations whose persona is empty. */
    us_sequences only = {0};
    for (size_t i = 0; i < t->s.n; i++) {
        const us_sequence *q = &t->s.seqs[i];
        if (!q->bare) continue;
        us_sequence copy = {.part = US_TRAIN,
                            .row = only.n_rows,
                            .target = only.n_targets,
                            .n_rows = q->n_rows,
                            .n_targets = q->n_targets,
                            .weight = 1};
        assert_ok(us_grow(&only.seqs, &only.cap, only.n + 1, sizeof copy, &err), &err);
        assert_ok(us_grow(&only.tokens, &only.cap_tokens, only.n_rows + (size_t)q->n_rows, sizeof(int32_t), &err), &err);
        assert_ok(us_grow(&only.window, &only.cap_window, only.n_rows + (size_t)q->n_rows, sizeof(int32_t), &err), &err);
        assert_ok(us_grow(&only.target_row, &only.cap_rows, only.n_targets + (size_t)q->n_targets, sizeof(int32_t), &err),
                  &err);
        assert_ok(us_grow(&only.target_id, &only.cap_ids, only.n_targets + (size_t)q->n_targets, sizeof(int32_t), &err), &err);
        memcpy(only.tokens + only.n_rows, t->s.tokens + q->row, sizeof(int32_t) * (size_t)q->n_rows);
        memset(only.window + only.n_rows, 0, sizeof(int32_t) * (size_t)q->n_rows);
        memcpy(only.target_row + only.n_targets, t->s.target_row + q->target, sizeof(int32_t) * (size_t)q->n_targets);
        memcpy(only.target_id + only.n_targets, t->s.target_id + q->target, sizeof(int32_t) * (size_t)q->n_targets);
        only.seqs[only.n++] = copy;
        only.n_rows += (size_t)q->n_rows;
        only.n_targets += (size_t)q->n_targets;
        if (q->n_rows > only.longest) only.longest = q->n_rows;
    }
    assert_true(only.n > 3);
    us_packer p;
    assert_ok(us_packer_init(&p, &only, 512, &err), &err);
    for (size_t i = 0; i < only.n && us_packer_add(&p, &only, &only.seqs[i]); i++) {}
    us_tape *tape = exact_tape(t, 1024);
    size_t n = t->lora.n_params;
    float *a = calloc(n, 4), *b = calloc(n, 4);
    double want = us_tape_loss_and_grad(tape, &p.batch, 1, 0, a);
    int32_t n_segments = p.batch.packing.n_segments;
    us_packer_fini(&p);
    /* The same answers from the trainer's own packer, after a batch with the persona in the same arrays. */
    assert_ok(us_packer_init(&p, &t->s, 512, &err), &err);
    size_t first_bare = 0;
    while (!t->s.seqs[first_bare].bare) first_bare++;
    assert_true(us_packer_add(&p, &t->s, &t->s.seqs[0]));
    assert_false(us_packer_add(&p, &t->s, &t->s.seqs[first_bare])); /* never mixed */
    us_packer_clear(&p, &t->s);
    for (int32_t i = 0; i < n_segments; i++) assert_true(us_packer_add(&p, &t->s, &t->s.seqs[first_bare + (size_t)i]));
    assert_false(us_packer_add(&p, &t->s, &t->s.seqs[0]));
    double got = us_tape_loss_and_grad(tape, &p.batch, 1, 0, b);
    assert_true(got == want && want > 0);
    assert_memory_equal(a, b, n * sizeof *a);
    us_packer_clear(&p, &t->s); /* the persona is back where the answers were */
    assert_true(us_packer_add(&p, &t->s, &t->s.seqs[0]));
    assert_int_equal(p.batch.packing.n_prefix, t->s.n_prefix);
    assert_memory_equal(p.tokens, t->s.prefix, sizeof(int32_t) * (size_t)t->s.n_prefix);
    for (int32_t i = 0; i < p.batch.packing.n_rows; i++) assert_int_equal(p.pos[i], i);
    us_packer_fini(&p);
    us_tape_free(tape);
    /* A step over both kinds is the sum of the two. */
    double sum = us_trainer_evaluate(t, US_TRAIN, 0, US_BASE, NULL) * (double)with.targets[US_TRAIN],
           persona = us_trainer_evaluate(alone, US_TRAIN, 0, US_BASE, NULL) * (double)without.targets[US_TRAIN], bare = 0;
    for (size_t i = 0; i < t->s.n; i++)
        if (t->s.seqs[i].bare) {
            us_packer_clear(&t->packer, &t->s);
            assert_true(us_packer_add(&t->packer, &t->s, &t->s.seqs[i]));
            float scale = t->lora.scale;
            t->lora.scale = 0;
            bare += us_tape_loss(t->tape, &t->packer.batch, NULL);
            t->lora.scale = scale;
        }
    printf("# %llu answers of the base, %.2f nats a token; %.2f of the lines\n", (unsigned long long)with.rehearsal_sequences,
           bare / (double)with.rehearsal_targets, persona / (double)without.targets[US_TRAIN]);
    assert_true(fabs(sum - persona - bare) < 1e-4 * sum);
    free(a);
    free(b);
    us_sequences_fini(&only);
    us_trainer_free(alone);
    us_trainer_free(t);
    us_dataset_free(d);
    us_model_free(m);
}

static us_trainer *new_rehearsing(us_model *m, const us_dataset *d, double share, const char *folder) {
    us_trainer *t;
    us_train_options o = short_run();
    o.rehearsal = share;
    assert_ok(us_trainer_new(m, d, &o, folder, &t, &err), &err);
    return t;
}

static bool stop_at_once(void *ctx, int32_t n_done, int32_t n_total) {
    *(int32_t *)ctx += n_done <= n_total;
    return false;
}

static void rehearsal_resumes_bit_for_bit(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(false);
    char *folder = us_path_join(dir, "rehearsal"), *file = us_path_join(folder, "checkpoint.gguf");
    us_train_report r;
    us_trainer *whole = new_rehearsing(m, d, 0.3, NULL), *part = new_rehearsing(m, d, 0.3, folder);
    do assert_ok(us_trainer_step(whole, &r, &err), &err);
    while (!r.done);
    for (int i = 0; i < 5; i++) assert_ok(us_trainer_step(part, &r, &err), &err);
    us_trainer_free(part);
    part = new_rehearsing(m, d, 0.3, folder);
    assert_ok(us_trainer_resume(part, &err), &err);
    assert_int_equal(part->state.step, 5);
    do assert_ok(us_trainer_step(part, &r, &err), &err);
    while (!r.done);
    assert_memory_equal(part->lora.params, whole->lora.params, whole->lora.n_params * sizeof(float));
    us_trainer_free(part);
    us_trainer_free(whole);
    part = new_rehearsing(m, d, 0, folder);
    assert_int_equal(us_trainer_resume(part, &err), US_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "that run had rehearsal=0.3"));
    us_trainer_free(part);
    int32_t calls = 0;
    us_train_options o = short_run();
    o.rehearsal = 0.1, o.progress = stop_at_once, o.progress_ctx = &calls;
    assert_int_equal(us_trainer_new(m, d, &o, NULL, &part, &err), US_ERR_INTERRUPTED);
    assert_int_equal(calls, 1);
    o.progress = NULL, o.max_sequence = 40;
    assert_int_equal(us_trainer_new(m, d, &o, NULL, &part, &err), US_ERR_LIMIT);
    remove(file);
    rmdir(folder);
    free(folder), free(file);
    us_dataset_free(d);
    us_model_free(m);
}

/* train.json says what happened, and the pictures are pictures. */
static void the_record_tells_the_training(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(true);
    us_trainer *t = new_trainer(m, d, 2, NULL, 0);
    us_train_report r;
    do assert_ok(us_trainer_step(t, &r, &err), &err);
    while (!r.done);
    uint64_t n_targets;
    double base = us_trainer_evaluate(t, US_VALIDATION, 0, US_BASE, &n_targets),
           best = us_trainer_evaluate(t, US_VALIDATION, 0, US_BEST, NULL);
    assert_true(base == r.base_loss); /* no adapter, and one that has not learned yet, are the same bits */
    assert_true(best == r.best_loss && best < base);
    char *folder = us_path_join(dir, "record");
    assert_ok(us_trainer_write_record(t, &(us_train_outcome){model_path, best, base, n_targets}, folder, &err), &err);
    char *path = us_path_join(folder, "train.json"), *svg = us_path_join(folder, "loss.svg"),
         *png = us_path_join(folder, "loss.png"), *bytes;
    json_t *o = json_load_file(path, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "character")), "Homer");
    assert_int_equal(json_integer_value(json_object_get(o, "steps")), 12);
    assert_int_equal(json_array_size(json_object_get(o, "curve")), 12);
    assert_int_equal(json_array_size(json_object_get(o, "validation_curve")), 3);
    assert_int_equal(json_integer_value(json_object_get(o, "validation_tokens")), n_targets);
    assert_true(fabs(json_number_value(json_object_get(o, "validation_perplexity")) - exp(best)) < 1e-4 * exp(best));
    assert_int_equal(json_string_length(json_object_get(o, "adapter_sha256")), 64);
    json_decref(o);
    size_t n;
    assert_ok(us_file_read(svg, 1 << 22, &bytes, &n, &err), &err);
    assert_non_null(strstr(bytes, "<svg"));
    assert_non_null(strstr(bytes, "</svg>"));
    free(bytes);
    assert_ok(us_file_read(png, 1 << 22, &bytes, &n, &err), &err);
    assert_memory_equal(bytes, "\x89PNG", 4);
    assert_true(n > 10000);
    free(bytes);
    us_trainer_free(t);
    t = new_trainer(m, d, 1, NULL, 0); /* before the first step: no curve, still a record */
    assert_ok(us_trainer_write_record(t, NULL, folder, &err), &err);
    assert_int_equal(us_trainer_write_record(t, NULL, path, &err), US_ERR_IO); /* a file is no folder */
    remove(path), remove(svg), remove(png), rmdir(folder);
    free(folder), free(path), free(svg), free(png);
    us_trainer_free(t);
    us_dataset_free(d);
    us_model_free(m);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    us_model *m = open_model(US_MATH_FAST);
    us_dataset *d = make_set(false);
    us_trainer *t;
    const us_train_options bad[] = {{.rank = 1000},         {.modules = "q,x"}, {.lr = 5},
                                    {.dropout = 2},         {.epochs = -1},     {.max_sequence = 4},
                                    {.memory_bytes = 1000}, {.rehearsal = 0.9}};
    const us_status want[] = {US_ERR_ARGUMENT, US_ERR_ARGUMENT, US_ERR_ARGUMENT, US_ERR_ARGUMENT,
                              US_ERR_ARGUMENT, US_ERR_ARGUMENT, US_ERR_MEMORY,   US_ERR_ARGUMENT};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(us_trainer_new(m, d, &bad[i], NULL, &t, &err), want[i]);
    us_dataset_free(d);
    us_model_free(m);
}

/* Loshchilov and Hutter 2019, two steps by hand. */
static void adamw_by_hand(void **state) {
    (void)state;
    float p = 1, m = 0, v = 0;
    us_adamw o = {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .weight_decay = 0.01f};
    us_adamw_step(&o, 1, (const float[]){0.5f}, &p, &m, &v, 1); /* a first step is of the rate: 1 - .1 * .01 - .1 */
    assert_true(fabsf(p - 0.899f) < 1e-5f);
    us_adamw_step(&o, 2, (const float[]){-0.25f}, &p, &m, &v, 1); /* m .02 / .19, v .00031225 / .001999 */
    assert_true(fabsf(p - 0.871467f) < 1e-5f);
}

int main(void) {
    dir = us_tiny_folder();
    model_path = us_path_join(dir, "m.gguf");
    if (us_tiny_write(&(us_tiny){.arch = "llama", .seed = 5, .type = US_TYPE_Q8_0, .chat = "chatml", .n_ctx = 1024}, model_path,
                      &err))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(packing_equals_one_sequence_a_line),
                                       cmocka_unit_test(first_words_cost_nothing),
                                       cmocka_unit_test(learns_and_resumes_bit_for_bit),
                                       cmocka_unit_test(continues_from_an_adapter),
                                       cmocka_unit_test(a_series_learns_whole_scenes),
                                       cmocka_unit_test(interrupted_anywhere_goes_on_bit_for_bit),
                                       cmocka_unit_test(the_adapter_serves_what_was_learned),
                                       cmocka_unit_test(rehearsal_is_learned_without_the_persona),
                                       cmocka_unit_test(rehearsal_resumes_bit_for_bit),
                                       cmocka_unit_test(the_record_tells_the_training),
                                       cmocka_unit_test(bad_options_are_refused),
                                       cmocka_unit_test(adamw_by_hand)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    us_tiny_remove(dir);
    return rc;
}
