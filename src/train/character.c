/* The whole road in one call: from a script and a name to a folder with a card and an adapter. Names the steps; each is a
 * function of another header. */
#include "base/file.h"
#include "base/mem.h"
#include "understudy/train.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct road {
    us_model *model;
    const us_script *script;
    us_train_character_options o;
    us_dataset_options dataset;
    us_train_options train;
    const char *folder, *name; /* name: as the script spells it */
    char *card_path, *adapter_path, *system;
    us_card *card;
    us_dataset *set;
    us_trainer *trainer;
} road;

static us_status find_name(road *r, const char *character, us_error *err) {
    uint32_t who;
    size_t n;
    us_status st = us_script_find_speaker(r->script, character, &who, err);
    if (!st) r->name = us_script_get_speakers(r->script, &n)[who].name;
    return st;
}

static us_status open_card(road *r, us_error *err) {
    us_status st = us_file_exists(r->card_path) ? us_card_open(r->card_path, &r->card, err)
                                                : us_card_from_script(r->script, r->name, NULL, &r->card, err);
    return st ? st : us_card_system(r->card, &r->system, err);
}

static us_status build_set(road *r, us_error *err) {
    r->dataset.character = r->name;
    r->dataset.system = r->system;
    if (!r->o.dataset) r->dataset.exchanges = us_dataset_common_exchanges(us_card_language(r->card));
    us_status st = us_dataset_build(r->script, &r->dataset, &r->set, err);
    if (!st && !us_card_has_style(r->card)) st = us_card_learn_style(r->card, r->script, &r->dataset, err);
    return st;
}

static us_status learn(road *r, us_error *err) {
    us_train_report p = {0};
    us_status st = US_OK;
    while (!st && !p.done) {
        st = us_trainer_step(r->trainer, &p, err);
        if (!st && p.validated && p.improved) st = us_trainer_keep(r->trainer, r->o.type, r->card, r->folder, err);
        if (!st && r->o.step && !r->o.step(r->o.step_ctx, &p)) us_trainer_end(r->trainer);
    }
    return st ? st : us_trainer_keep(r->trainer, r->o.type, r->card, r->folder, err);
}

static us_status finish(road *r, us_error *err) {
    us_train_outcome outcome = {r->adapter_path, NAN, NAN, 0};
    outcome.validation_loss = us_trainer_evaluate(r->trainer, US_VALIDATION, 0, US_BEST, &outcome.n_targets);
    outcome.base_loss = us_trainer_evaluate(r->trainer, US_VALIDATION, 0, US_BASE, NULL);
    us_status st = us_trainer_write_record(r->trainer, &outcome, r->folder, err);
    if (!st && us_card_is_draft(r->card)) {
        st = us_train_greeting(r->model, r->card, r->adapter_path, r->train.n_threads, NULL, NULL, err);
        if (!st) st = us_card_save(r->card, r->card_path, err);
    }
    return st;
}

us_status us_train_character(us_model *model, const us_script *script, const char *character, const char *folder,
                             const us_train_character_options *options, us_error *err) {
    road r = {.model = model, .script = script, .folder = folder};
    if (options) r.o = *options;
    r.dataset = r.o.dataset ? *r.o.dataset : (us_dataset_options){.unnamed = 0.5, .visitors = 0.25};
    r.train = r.o.train ? *r.o.train : (us_train_options){0};
    r.card_path = us_path_join(folder, "card.json");
    r.adapter_path = us_path_join(folder, "adapter.gguf");
    us_status st = r.card_path && r.adapter_path ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = find_name(&r, character, err);
    if (!st) st = open_card(&r, err);
    if (!st) st = build_set(&r, err);
    if (!st) r.train.cast = us_card_cast(r.card, &r.train.n_cast);
    if (!st) st = us_trainer_new(model, r.set, &r.train, folder, &r.trainer, err);
    if (!st) st = learn(&r, err);
    if (!st) st = finish(&r, err);
    us_trainer_free(r.trainer);
    us_dataset_free(r.set);
    us_card_free(r.card);
    free(r.system);
    free(r.card_path);
    free(r.adapter_path);
    return st;
}
