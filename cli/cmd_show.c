/* understudy show: a row as the model sees it: its window, the tokens that are learned, the counts. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_script.h"
#include "understudy/dataset.h"
#include "understudy/template.h"
#include "understudy/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints tokens [begin, end): learned ones in green (or in «»), line breaks made visible. */
static void print_tokens(const us_tokenizer *tok, const us_tokens *ids, size_t begin, size_t end, bool learned, bool fancy) {
    if (begin == end) return;
    if (learned) fputs(fancy ? cli_escape(true, CLI_GREEN) : "\xc2\xab", stdout);
    else if (fancy) fputs(cli_escape(true, CLI_DIM), stdout);
    for (size_t i = begin; i < end; i++) {
        size_t n;
        const char *p = us_tokenizer_piece(tok, ids->ids[i], &n);
        fwrite(p, 1, n, stdout);
    }
    if (learned && !fancy) fputs("\xc2\xbb", stdout);
    if (fancy) fputs(cli_escape(true, CLI_PLAIN), stdout);
}

static us_status show(const us_model *m, const us_dataset *d, const us_example *e, bool fancy, us_error *err) {
    size_t n_turns;
    const us_turn *turns = us_dataset_get_turns(d, &n_turns) + e->first_turn;
    const us_tokenizer *tok = us_model_get_tokenizer(m);
    const us_template *tpl;
    us_tokens ids = {0};
    us_message *messages = cli_must(calloc(e->n_turns + 1, sizeof *messages));
    us_turn_span *spans = cli_must(calloc(e->n_turns + 1, sizeof *spans));
    us_status st = us_model_get_template(m, &tpl, err);
    if (!st) {
        messages[0] = (us_message){"system", us_dataset_get_system(d)};
        for (uint32_t i = 0; i < e->n_turns; i++)
            messages[i + 1] = (us_message){turns[i].character ? "assistant" : "user", turns[i].text};
        st = us_template_tokenize(tpl, tok, messages, e->n_turns + 1, false, &ids, spans, err);
    }
    size_t learned = 0;
    for (uint32_t i = 0; i <= e->n_turns && !st; i++) {
        const us_turn_span *s = &spans[i];
        bool target = i && turns[i - 1].target;
        size_t end = i < e->n_turns ? spans[i + 1].start : ids.n;
        print_tokens(tok, &ids, s->start, s->begin, false, fancy);
        print_tokens(tok, &ids, s->begin, s->stop, target, fancy);
        print_tokens(tok, &ids, s->stop, end, false, fancy);
        if (!target) continue;
        learned += s->stop - s->begin;
        uint32_t first = us_dataset_window(d, e, i - 1);
        size_t seen = 0;
        for (uint32_t k = first; k + 1 < i; k++) seen += turns[k].n_lines;
        printf("%s    ^ turn %u: %zu tokens learned; sees %zu lines (turns %u to %u), %zu tokens%s\n",
               cli_escape(fancy, CLI_CYAN), i, s->stop - s->begin, seen, first + 1, i - 1,
               spans[0].stop + s->begin - spans[first + 1].start, cli_escape(fancy, CLI_PLAIN));
    }
    if (!st) printf("%zu tokens, %zu of them learned, %u turns, part: %s\n", ids.n, learned, e->n_turns, us_part_name(e->part));
    us_tokens_fini(&ids);
    free(messages);
    free(spans);
    return st;
}

int cmd_show(int argc, char **argv) {
    cli_script so = {0};
    us_dataset_options o = {.unnamed = CLI_UNNAMED, .visitors = CLI_VISITORS};
    const char *tpl = NULL;
    const char *model = NULL, *card = NULL, *read = NULL;
    int64_t history = 10, row = 1;
    bool help;
    int n;
    const cli_option options[] = {
        {"character", 'c', "NAME", "whose lines are the targets", CLI_STRING, &o.character, 0, 0},
        {"row", 'n', "N", "which row, from 1 (1)", CLI_INT, &row, 1, 1e9},
        {"read", 0, "PATH", "a folder or file of JSONL rows instead of a script", CLI_STRING, &read, 0, 0},
        {"card", 0, "FILE", "character card whose persona is the system message; none: no system message (a plain persona)",
         CLI_STRING, &card, 0, 0},
        {"model", 'm', "FILE", "GGUF whose tokenizer and template are used (default: the default model)", CLI_STRING, &model, 0,
         0},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &tpl, 0,
         0},
        {"history", 0, "N", "lines before a target (10)", CLI_INT, &history, 1, 100},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy show FILE... --character NAME [OPTIONS]\n\nShows a row as the model sees it; what it "
                       "learns is green (or in guillemets).",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    if (!n == !read) return cli_usage(argv[0], "give either script files or --read PATH");
    if (n && !o.character) return cli_usage(argv[0], "no --character: whose lines are the targets?");
    us_error err;
    us_script *s = NULL;
    us_dataset *d = NULL;
    us_model *m = NULL;
    char *system = NULL, *path = NULL;
    size_t n_rows = 0;
    const us_example *e = NULL;
    us_status st = n ? cli_script_load(&so, (const char *const *)argv + 1, (size_t)n, &s, &err) : US_OK;
    if (!st && n) st = cli_find_character(s, &o.character, &err);
    if (!st && (n || card)) st = cli_persona(card, s, o.character, &system, &o.exchanges, &err);
    o.system = system;
    o.history = (int32_t)history;
    if (!st) st = n ? us_dataset_build(s, &o, &d, &err) : us_dataset_read(read, &o, &d, &err);
    if (!st) e = us_dataset_get_examples(d, &n_rows);
    if (!st && (size_t)row > n_rows) rc = cli_usage(argv[0], "--row %lld: there are %zu rows", (long long)row, n_rows);
    else if (!st && !(path = cli_model_path(argv[0], model))) rc = EXIT_FAILED;
    else if (!st && !(st = us_model_open(path, &(us_model_options){.template_name = tpl}, &m, &err)))
        st = show(m, d, &e[row - 1], cli_fancy(1), &err);
    if (st) rc = cli_fail(argv[0], st, &err);
    us_model_free(m);
    us_dataset_free(d);
    us_script_free(s);
    free(system);
    free(path);
    return rc;
}
