/* understudy/train.h - LoRA fine-tuning over a frozen, quantized model, on the CPU.
 *
 *     us_train_character(model, script, "Homer Simpson", "characters/homer", NULL, &err);
 *
 * does all of it: the card, the data set, the adapter, the record, a greeting. Step by step it is:
 *
 *     us_trainer *t;  us_train_report r;  us_status st;
 *     us_trainer_new(model, set, &(us_train_options){0}, "characters/homer", &t, &err);
 *     do st = us_trainer_step(t, &r, &err); while (!st && !r.done);
 *     us_trainer_save_adapter(t, US_ADAPTER_Q8_0, "characters/homer/adapter.gguf", &err);
 *
 * The base is the model as it serves: same file, same kernels. Deterministic for a seed and an instruction
 * set, whatever the number of threads. A trainer has one owner at a time. */
#ifndef UNDERSTUDY_TRAIN_H
#define UNDERSTUDY_TRAIN_H

#include "understudy/chat.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum us_schedule { US_SCHEDULE_COSINE = 0, US_SCHEDULE_CONSTANT, US_SCHEDULE_LINEAR } us_schedule;

/* Zero means the default in brackets, unless zero is a value (then it says so). */
typedef struct us_train_options {
    int32_t rank;         /* R of every factor, 1..256 (16) */
    double alpha;         /* y += alpha/R B A x (2R) */
    bool rslora;          /* alpha/sqrt(R) instead (Kalajdzievski 2023) */
    double dropout;       /* on the factors' input, 0..0.9; zero is off */
    const char *modules;  /* "q,k,v,o,gate,up,down" or some of them (all) */
    double lr;            /* peak rate of A (1e-3) */
    double lora_plus;     /* rate of B over that of A (Hayou et al. 2024) (1) */
    us_schedule schedule; /* after warm-up */
    double warmup;        /* share of the steps (0.05) */
    double epochs;        /* passes over the training part (1.5) */
    int64_t max_steps;    /* zero: by epochs */
    int32_t batch_rows;   /* tokens a step, at least (4096) */
    int32_t micro_rows;   /* tokens computed together (chosen from memory_bytes) */
    int32_t max_sequence; /* longest sequence in tokens (1024) */
    bool windowed;        /* one target a sequence: the usual recipe, no scene packing */
    double clip;          /* of the gradient's norm (1); negative: off */
    double weight_decay;  /* zero is none */
    double rehearsal; /* share of the learned tokens that are the base's own answers to neutral prompts, 0..0.5; zero is none */
    /* JSONL of {"character", "turns", "takes", "labels", "of"}, as us_director_options.examples: replies of which some are better. The
     * better ones become likelier, 16 conversations a step, beside the lines. NULL: none. FORMAT when it has none of the character. */
    const char *choices;
    uint64_t seed;
    int64_t eval_every;       /* steps between validations (a tenth of an epoch, at least 10) */
    int64_t eval_targets;     /* tokens of a validation, about; zero: all */
    int32_t patience;         /* validations without a better one before it stops; zero: never */
    int64_t checkpoint_every; /* steps (50) */
    uint64_t memory_bytes;    /* for activations (a quarter of what is available, at most 1.5 GiB) */
    bool recompute;           /* keep only the layers' inputs: less memory, about a third more work */
    int n_threads;            /* zero: every CPU */
    const char *const *cast;  /* names that end a reply; written into the adapter; copied */
    size_t n_cast;
    /* Of the rehearsal's answers, in learned tokens; returning false stops us_trainer_new (INTERRUPTED). */
    us_progress_fn *progress;
    void *progress_ctx;
    /* Called between layers of a step, of a validation (with its tokens done and to do; 0 and 0 in a step) and of
     * us_trainer_evaluate. Returning false ends it: INTERRUPTED, the trainer is as it was before the step, or owes a
     * validation; a checkpoint written then goes on bit for bit. */
    us_progress_fn *working;
    void *working_ctx;
} us_train_options;

/* Every default filled in, but for those that depend on the data and the machine. */
US_API us_train_options us_train_defaults(void);

typedef struct us_train_facts {
    uint64_t sequences[US_N_PARTS], rows[US_N_PARTS], targets[US_N_PARTS]; /* rows: tokens fed, without the shared persona */
    uint64_t rehearsal_sequences, rehearsal_targets;                       /* of those of the training part */
    uint64_t choices[2];                                                   /* conversations with choices: learned, held out */
    uint64_t too_long;                                                     /* targets and takes left out */
    int32_t prefix_rows;                                                   /* tokens of the persona, fed once a micro-batch */
    int32_t longest, micro_rows, rank;
    bool recompute;
    uint64_t n_params; /* trained numbers */
    uint64_t bytes;    /* activations, transposed weights, optimizer */
    int64_t n_steps;   /* planned */
    double seconds;    /* estimated for all of them, from one timed micro-batch; 0 before us_trainer_estimate */
} us_train_facts;

typedef struct us_train_report {
    int64_t step; /* finished steps */
    double epoch;
    double loss;            /* of this step, nats a target */
    double lr, grad_norm;   /* before clipping */
    uint64_t rows, targets; /* of this step, the persona counted as computed */
    double seconds;         /* of this step, without validation */
    bool validated, improved, saved;
    double validation_loss; /* of the last validation, nats a target; NAN before the first */
    double best_loss;       /* of the best adapter */
    double base_loss;       /* the same targets without an adapter, the persona alone; NAN without validation */
    /* Of the held-out choices, where there are any and it was validated; else NAN. loss: nats, log 2 where nothing is preferred yet. worth:
     * the mean label, 0..1, of what the adapter says, estimated from those takes; _before: where the run began. The best adapter is that
     * of the lowest such loss; where none is held out, the last. */
    double choices_loss, choices_worth, choices_worth_before;
    int64_t best_step;
    bool done, early; /* early: stopped by patience */
} us_train_report;

typedef struct us_trainer us_trainer;

/* The model (fast or float32) must outlive it; the set is copied in tokens. `folder` (made if need be) takes checkpoint.gguf;
 * NULL: no checkpoints. ARGUMENT for options out of range, LIMIT when nothing fits, MEMORY with the arithmetic. */
US_API US_MUST_USE us_status us_trainer_new(us_model *model, const us_dataset *set, const us_train_options *options,
                                            const char *folder, us_trainer **out, us_error *err);
US_API void us_trainer_free(us_trainer *t);
US_API us_train_facts us_trainer_get_facts(const us_trainer *t);
/* Times one micro-batch (nothing is learned) and fills facts.seconds. */
US_API void us_trainer_estimate(us_trainer *t);
/* Before the first step: begins from an adapter of the same base instead of from nothing, for lines that came later or for another
 * character of the same cast. Its rank may be lower than this run's. It is the first best: when nothing better is learned, it
 * stays. A copy is kept as folder/US_TRAIN_CONTINUED; path NULL takes that one, before us_trainer_resume(). MISMATCH in words for
 * an adapter that does not fit. */
#define US_TRAIN_CONTINUED "continued.gguf"
US_API US_MUST_USE us_status us_trainer_continue(us_trainer *t, const char *path, us_error *err);
/* Goes on from folder/checkpoint.gguf, bit for bit. MISMATCH names the first option, data or base that differs. */
US_API US_MUST_USE us_status us_trainer_resume(us_trainer *t, us_error *err);
/* One optimizer step; validates and writes the checkpoint when it is time (by steps, and every two minutes). A validation that
 * an interrupted run owes is made by a call of its own: rows is 0 then, loss NAN. INTERRUPTED by options.working. FORMAT when
 * the loss is not finite (the best adapter stays). IO when a checkpoint cannot be written (the step itself stands: call
 * again). */
US_API US_MUST_USE us_status us_trainer_step(us_trainer *t, us_train_report *report, us_error *err);
/* Ends the training: the next step reports done and early. */
US_API void us_trainer_end(us_trainer *t);
US_API US_MUST_USE us_status us_trainer_checkpoint(us_trainer *t, us_error *err);
typedef enum us_which {
    US_CURRENT = 0,
    US_BEST,
    US_BASE
} us_which; /* the factors as they are, those of the best validation, none */
/* Mean nats a target over a part, about max_targets of them (0: all); *n_targets (may be NULL) says over how many. NAN
 * for an empty part, and when options.working says stop. */
US_API double us_trainer_evaluate(us_trainer *t, us_part part, int64_t max_targets, us_which which, uint64_t *n_targets);

typedef enum us_adapter_type { US_ADAPTER_F16 = 0, US_ADAPTER_Q8_0, US_ADAPTER_F32 } us_adapter_type;
/* Writes the best factors (the current ones before any validation) as a GGUF LoRA, atomically. */
US_API US_MUST_USE us_status us_trainer_save_adapter(us_trainer *t, us_adapter_type type, const char *path, us_error *err);

/* Saves the best adapter as folder/adapter.gguf, its name in the card, and the card as folder/card.json; card may be NULL. */
US_API US_MUST_USE us_status us_trainer_keep(us_trainer *t, us_adapter_type type, us_card *card, const char *folder,
                                             us_error *err);

/* Figures that only the end of a training knows; NAN and NULL for those that were not taken. */
typedef struct us_train_outcome {
    const char *adapter_path;          /* its size and hash go into the record */
    double validation_loss, base_loss; /* over the whole validation part, with the best adapter and without any */
    uint64_t n_targets;
} us_train_outcome;
/* Writes folder/train.json (every fact of the training: counts, options, hashes, the curve), loss.svg and loss.png, each
 * atomically; at any time. docs/train.md describes the keys. `outcome` may be NULL. */
US_API US_MUST_USE us_status us_trainer_write_record(us_trainer *t, const us_train_outcome *outcome, const char *folder,
                                                     us_error *err);

/* Root mean square over the modules of the norm of scale B A; 0 says that nothing was learned. */
US_API double us_trainer_adapter_norm(const us_trainer *t);

/* ---- the whole road ------------------------------------------------------------------------------------------ */

/* A zeroed field means the default. Everything is borrowed during the call. */
typedef struct us_train_character_options {
    /* character and system are filled in; NULL: half of the turns unnamed, a quarter visitors', our exchanges beside an English
     * script */
    const us_dataset_options *dataset;
    const us_train_options *train;                          /* cast is filled in; NULL: the defaults */
    us_adapter_type type;                                   /* of adapter.gguf */
    bool (*step)(void *ctx, const us_train_report *report); /* after every step; false: enough, the best so far is kept. NULL */
    void *step_ctx;
} us_train_character_options;

/* Teaches `model` to speak as `character` of the script and leaves in `folder` (made if need be) what us_card_open() and
 * us_adapter_open() read: card.json (one that is there is kept, but for the adapter's name) and adapter.gguf; train.json and
 * loss.svg record the training. options may be NULL. Errors: NOT_FOUND names the script's speakers, FORMAT when there is
 * too little to learn from, and those of us_trainer_new() and us_trainer_step(). */
US_API US_MUST_USE us_status us_train_character(us_model *model, const us_script *script, const char *character,
                                                const char *folder, const us_train_character_options *options, us_error *err);
/* Lets the character answer "Hello!" and makes the best of eight takes the card's greeting; stream as for us_chat_reply(). */
US_API US_MUST_USE us_status us_train_greeting(us_model *model, us_card *card, const char *adapter_path, int n_threads,
                                               us_stream_fn *stream, void *ctx, us_error *err);
/* Called with each line that was said to the character, and with the reply; or reply is NULL and trouble says why there is none. */
typedef void us_sample_fn(void *ctx, const char *line, const char *reply, const us_error *trouble);
/* Lets the character answer the card's questions (us_card_small_talk() from 1 on) in one chat, with four takes a reply, as the
 * adapter in a file makes them; adapter_path NULL: as the base alone does. stream as for us_chat_reply(), with the same ctx: when
 * it returns false, the call ends with INTERRUPTED; MEMORY ends it too. */
US_API US_MUST_USE us_status us_train_samples(us_model *model, const us_card *card, const char *adapter_path, int n_threads,
                                              us_sample_fn *sample, us_stream_fn *stream, void *ctx, us_error *err);
/* Memory that a greeting or samples take beside the training and the adapter, in bytes. */
US_API uint64_t us_train_talk_bytes(const us_model *model, int n_threads);

#ifdef __cplusplus
}
#endif
#endif
