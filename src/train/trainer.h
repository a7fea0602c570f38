/* train/trainer.h - the state of a training run. */
#ifndef US_TRAIN_TRAINER_H
#define US_TRAIN_TRAINER_H
#include "base/pool.h"
#include "model/model.h"
#include "train/choices.h"
#include "train/sequences.h"
#include "train/tape.h"
#include "understudy/train.h"

/* What a checkpoint holds beside params, moments and best: enough to go on bit for bit. */
typedef struct us_train_state {
    int64_t step, best_step;
    uint64_t epoch, at; /* the next sequence: order of that epoch, index in it */
    double best_loss, last_validation, base_loss;
    double best_choices;               /* the lowest loss of held-out choices: by it the best is kept, where there are any */
    uint64_t choices_at;               /* conversations with choices drawn so far */
    double seconds;                    /* of steps, in all sittings */
    uint64_t rows;                     /* computed in them */
    int32_t n_worse;                   /* validations since the best */
    bool have_best, done, early, owes; /* owes: the validation after `step` was interrupted */
} us_train_state;

#define US_CURVE_POINTS 2048
typedef struct us_curve { /* {step, nats a target}; fixed capacity */
    double (*training)[2], (*validation)[2];
    size_t n_training, n_validation;
    int64_t stride; /* steps whose mean a training point is */
    double sum;     /* of the losses since the last point */
} us_curve;

struct us_trainer {
    us_model *model;
    us_train_options o; /* every default filled in; no strings */
    char **cast;        /* [o.n_cast] */
    uint32_t modules;
    char *folder, *character, *system, *config; /* config: the options that matter, "name=value" lines */
    char data_hash[65];
    us_dataset_counts data;
    int32_t history;
    us_pool *pool;
    us_lora lora;
    us_sequences s;
    us_packer packer;
    us_choices choices; /* none: n_learned is 0 */
    us_tape *tape;
    float *grad, *m, *v, *best;
    uint32_t *order, *validation, *step_list; /* indices of sequences: the epoch's, the validation's, the step's */
    size_t n_train, n_validation, n_step;
    uint64_t order_epoch; /* that `order` stands for; UINT64_MAX at first */
    us_train_state state;
    us_train_facts facts;
    us_curve curve;
    uint64_t work_done, work_total; /* tokens of the validation under way; 0 in a step */
    bool continued;                 /* from an adapter that was there: what it predicts is the first best */
    int64_t saved_ns;               /* when a checkpoint was written, or the run began */
};

/* adapter_writer.c: factors -> GGUF LoRA. */
US_MUST_USE us_status us_adapter_write(us_trainer *t, const float *params, us_adapter_type type, const char *path,
                                       us_error *err);
/* curve.c: the loss over the steps as a picture. The bytes are free()d by the caller. */
US_MUST_USE us_status us_curve_svg(const us_trainer *t, char **svg, size_t *n_bytes, us_error *err);
US_MUST_USE us_status us_curve_png(const us_trainer *t, char **png, size_t *n_bytes, us_error *err);
/* checkpoint.c */
US_MUST_USE us_status us_checkpoint_write(us_trainer *t, us_error *err);
US_MUST_USE us_status us_checkpoint_read(us_trainer *t, us_error *err);
/* The rows at a time of the run that left a checkpoint in the folder; 0 without one. */
int32_t us_checkpoint_micro_rows(const char *folder);
#endif
