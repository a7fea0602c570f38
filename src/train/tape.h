/* train/tape.h - one batch through the model and back: the loss and the gradients of the LoRA factors.
 *
 * Owns the activations of a batch and the transposed weights. Knows nothing of dialogue, optimizers or
 * files. The base is frozen; only lora_A and lora_B of the chosen modules have gradients.
 *
 * Forward uses the very kernels and packed weights that serve the model. The input gradient of a frozen
 * linear layer, d_x = d_y . W, is the same product with the transposed matrix, which is packed once in
 * 8-bit blocks (float32 with `f32`): training needs no kernels of its own for it. */
#ifndef US_TRAIN_TAPE_H
#define US_TRAIN_TAPE_H
#include "kern/kern.h"
#include "ops/packed_attention.h"
#include "train/lora.h"

/* A batch: T packed rows and the rows whose next token is learned. */
typedef struct us_train_batch {
    us_packing packing;
    const int32_t *tokens, *pos;             /* [T] */
    const int32_t *target_rows, *target_ids; /* [n_targets]: the row that predicts, and what */
    int32_t n_targets;
    const float *weights; /* [n_targets] of each target's gradient, of any sign; NULL: 1 */
} us_train_batch;

typedef struct us_tape us_tape;
typedef struct us_tape_options {
    int32_t max_rows, max_targets, max_segments, max_prefix; /* of any batch */
    int32_t max_segment;                                     /* rows of the longest segment */
    bool train;                                              /* false: forward only */
    bool recompute;                                          /* keep only the layers' inputs, compute the rest again */
    bool f32;                                                /* transposed weights in float32 (tests) */
    float dropout;                                           /* on the input of the LoRA factors */
    int32_t n_layers;                                        /* only the first so many layers are computed; 0: all */
    int32_t first_layer; /* no gradient goes below this layer: the factors there must be off */
    bool states;         /* us_tape_states() will be called, never us_tape_loss(): no head of the vocabulary is needed */
} us_tape_options;

/* Bytes of activations, scratch and transposed weights, before they are taken. */
size_t us_tape_bytes(const us_net *net, const us_lora *lora, const us_tape_options *o, int n_threads);
US_MUST_USE us_status us_tape_new(const us_net *net, const us_lora *lora, const us_tape_options *o, us_pool *pool,
                                  us_tape **out, us_error *err);
void us_tape_free(us_tape *t);
/* Asked between chunks of rows, by the thread that runs the batch; false ends the batch under way: its loss is NAN and its
 * gradients are worthless. NULL: never asked. */
void us_tape_set_go_on(us_tape *t, bool (*go_on)(void *ctx), void *ctx);
/* Whether it has said so since the last time that this was asked. */
bool us_tape_take_stopped(us_tape *t);

/* Sum of nats over the targets; nats[n_targets] (may be NULL) gets each. */
double us_tape_loss(us_tape *t, const us_train_batch *b, float *nats);
/* The same, and adds scale * d(sum of nats)/d(parameter) to `grad` (laid out as lora->params).
 * `step_seed` feeds dropout. */
double us_tape_loss_and_grad(us_tape *t, const us_train_batch *b, float scale, uint64_t step_seed, float *grad);
/* For another head than the vocabulary's: the normed state of each target row after the last layer, [n_targets, D], until the
 * next call (target_ids are not read). With `grad` a us_tape_states_back() may follow, which adds the factors' gradients to it,
 * given d(loss)/d(state). */
const float *us_tape_states(us_tape *t, const us_train_batch *b, uint64_t step_seed, float *grad);
void us_tape_states_back(us_tape *t, const float *d_states);
#endif
