/* cli_model.h - which model a command means, and the options that all commands with a model share. */
#ifndef US_CLI_MODEL_H
#define US_CLI_MODEL_H
#include "cli.h"
#include "understudy/generate.h"

/* The path of the file at an https:// or hf: address, fetched with progress on standard error when it is not there; NULL after
 * having said why not. */
char *cli_fetch(const char *command, const char *address);
/* -m (a path or an address), else $UNDERSTUDY_MODEL, else the default model in the data folder. Returns a path to free(), or
 * NULL after having said what to do. */
char *cli_model_path(const char *command, const char *given);
/* Measures whether the model knows the language of the texts and says so on stderr (`quiet`: only when it hardly does). */
us_status cli_tell_fluency(const us_model *m, const char *const *texts, size_t n, int n_threads, bool quiet, us_fluency *out,
                           us_error *err);
/* "f16", "q8_0", "f32"; prints and returns EXIT_USAGE for anything else. */
int cli_kv_type(const char *command, const char *name, us_kv_type *out);
/* On a terminal: that the model is being loaded, which takes a while the first time. The next line is written over it. */
void cli_tell_loading(bool quiet);
#endif
