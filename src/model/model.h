/* model/model.h - an opened model from the inside. */
#ifndef US_MODEL_MODEL_H
#define US_MODEL_MODEL_H
#include "base/pool.h"
#include "model/gguf.h"
#include "model/net.h"
#include "model/tokenizer.h"
#include "understudy/model.h"
#include "understudy/template.h"
#include <pthread.h>

struct us_model {
    us_gguf *g;
    us_model_info info;
    us_math math;
    bool loaded; /* the weights are in memory */
    us_net net;
    us_tokenizer *tok;
    us_template *tpl;
    char *no_template; /* why there is none */
    char *name, *architecture;
    unsigned char *weights;                    /* the matrices' data, when this process has packed it; */
    us_map file;                               /* when it is kept: then every process's */
    char kept[sizeof((us_error *)0)->message]; /* why it is not kept, or "" */
    us_matrix *matrices;                       /* [L * US_N_MODULES], then embd, then head if untied */
    float **floats;                            /* norms, biases: everything float32 */
    size_t n_floats, cap_floats;
    const struct us_architecture *arch;
    pthread_mutex_t hash_lock;
    char hash[65];
};

/* Hyperparameters, checked: fills net's numbers, its layers' kinds and info. */
US_MUST_USE us_status us_config_load(us_model *m, us_error *err);
/* Tensors: looked up, checked for shape, then (when they and o->check allow it) packed by o->n_threads. */
US_MUST_USE us_status us_weights_load(us_model *m, const us_model_options *o, us_error *err);

/* One module's factors, packed: y += scale * B (A x). */
typedef struct us_adapter_site {
    us_matrix a, b; /* A [R, in], B [out, R]; data NULL when absent */
    float scale;    /* alpha / R: ranks may differ from module to module */
} us_adapter_site;
struct us_adapter {
    const us_model *model;
    char *path;             /* the file, for errors */
    int32_t rank;           /* widest of all sites */
    us_adapter_site *sites; /* [L][US_N_MODULES] */
    unsigned char *data;    /* every factor, packed; owned */
};
#define US_DIRECTOR_HEAD "director.head"
/* The factors of a director (understudy/director.h): adapter.type "director", one tensor more. */
US_MUST_USE us_status us_adapter_open_director(const us_model *m, const char *path, us_adapter **out, us_error *err);
#endif
