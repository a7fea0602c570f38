/* train/trainer.h - the state of a training run. */
#ifndef US_TRAIN_TRAINER_H
#define US_TRAIN_TRAINER_H
#include "base/pool.h"
#include "model/model.h"
#include "train/sequences.h"
#include "train/tape.h"
#include "understudy/train.h"

/* What a checkpoint holds beside params, moments and best: enough to go on bit for bit. */
typedef struct us_train_state {
    int64_t step, best_step;
    uint64_t epoch, at;             /* the next sequence: order of that epoch, index in it */
    double best_loss, last_validation;
    int32_t n_worse;                /* validations since the best */
    bool have_best, done, early;
} us_train_state;

struct us_trainer {
    us_model *model;
    us_train_options o;             /* every default filled in */
    uint32_t modules;
    char *folder, *character, *system, *config; /* config: the options that matter, "name=value" lines */
    char data_hash[65];
    int32_t history;
    us_pool *pool;
    us_lora lora;
    us_sequences s;
    us_packer packer;
    us_tape *tape;
    float *grad, *m, *v, *best;
    uint32_t *order, *validation, *step_list; /* indices of sequences: the epoch's, the validation's, the step's */
    size_t n_train, n_validation, n_step;
    uint64_t order_epoch;           /* that `order` stands for; UINT64_MAX at first */
    us_train_state state;
    us_train_facts facts;
};

/* adapter_writer.c: factors -> GGUF LoRA. */
US_MUST_USE us_status us_adapter_write(us_trainer *t, const float *params, us_adapter_type type, const char *path, us_error *err);
/* checkpoint.c */
US_MUST_USE us_status us_checkpoint_write(us_trainer *t, us_error *err);
US_MUST_USE us_status us_checkpoint_read(us_trainer *t, us_error *err);
#endif
