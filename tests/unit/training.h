/* What the tests of trainings share: a short run, and the exact gradients of a trainer's factors. */
#ifndef US_TEST_TRAINING_H
#define US_TEST_TRAINING_H
#include "test.h"
#include "train/trainer.h"
#include <math.h>

/* Twelve steps of a tiny model, validated three times. */
static inline us_train_options short_run(void) {
    return (us_train_options){.rank = 4,
                              .lr = 5e-3,
                              .batch_rows = 300,
                              .micro_rows = 256,
                              .max_sequence = 256,
                              .max_steps = 12,
                              .eval_every = 4,
                              .checkpoint_every = 1,
                              .n_threads = 2};
}

/* A tape over float32 for at most `rows` rows, and the trainer's factors moved so that B is not zero. us_tape_free() it. */
static inline us_tape *exact_tape(us_trainer *t, int32_t rows) {
    us_tape_options o = {.max_rows = rows,
                         .max_targets = rows,
                         .max_segments = 400,
                         .max_prefix = t->s.n_prefix,
                         .max_segment = t->s.longest + 1,
                         .train = true,
                         .f32 = true};
    us_error err;
    us_tape *tape;
    assert_ok(us_tape_new(&t->model->net, &t->lora, &o, t->pool, &tape, &err), &err);
    for (size_t i = 0; i < t->lora.n_params; i++) t->lora.params[i] += 0.02f * (float)sin((double)i);
    t->lora.revision++;
    return tape;
}
#endif
