/* understudy chat: a character in the terminal, or line by line in a pipe. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_terminal.h"
#include "understudy/chat.h"
#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

typedef struct session {
    us_engine *engine;
    us_model *model;
    us_adapter *adapter;
    us_director *director;
    us_card *card;
    us_chat *chat;
    us_sampler_options sampler;
    const char *save;
    int ctx;
    bool fancy, terminal;
    cli_wrap out;
    char prompt[256];
} session;

static const char *bold(const session *s) { return cli_escape(s->fancy, CLI_NAME); }
static const char *dim(const session *s) { return cli_escape(s->fancy, CLI_DIM); }
static const char *plain(const session *s) { return cli_escape(s->fancy, CLI_PLAIN); }

/* ---- finding things ------------------------------------------------------------------------------------- */

/* The judge of takes: the character's, the cast's, or that of the characters at hand. One that does not suit is told of. */
static void find_director(session *s, const char *card_file) {
    us_error err;
    char *folder = cli_card_folder(card_file);
    if (us_director_find(s->model, folder, "characters", &s->director, &err))
        fprintf(stderr, "understudy chat: takes are chosen without a director: %s\n", err.message);
    free(folder);
}

/* ---- talking ---------------------------------------------------------------------------------------------- */

/* Streams words to the terminal; in a pipe nothing is shown until the reply is whole. */
static bool stream(void *ctx, const char *text, size_t n) {
    session *s = ctx;
    if (s->terminal) cli_wrap_put(&s->out, text, n);
    return !interrupted;
}

static void print_one_line(const char *text) {
    while (*text) {
        size_t n = strcspn(text, "\r\n");
        printf("%.*s%s", (int)n, text, text[n] ? " " : "");
        text += n + (text[n] != 0);
    }
    putchar('\n');
    fflush(stdout);
}

static int autosave(session *s) {
    us_error err;
    us_status st = s->save ? us_chat_save(s->chat, s->save, &err) : US_OK;
    return st ? cli_fail("chat", st, &err) : 0;
}

/* "Homer Simpson: " at the start of a line, and then text goes on behind it. */
static void begin_line(session *s, const char *name) {
    printf("%s%s:%s ", bold(s), name, plain(s));
    fflush(stdout);
    s->out = (cli_wrap){.column = cli_text_width(name, strlen(name)) + 2};
}

static void put_line(session *s, const char *name, const char *text) {
    begin_line(s, name);
    cli_wrap_put(&s->out, text, strlen(text));
    cli_wrap_end(&s->out);
    putchar('\n');
}

/* A remark of ours, dim and wrapped. */
static void remark(session *s, const char *fmt, ...) US_PRINTF(2, 3);
static void remark(session *s, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fputs(dim(s), stdout);
    s->out = (cli_wrap){0};
    cli_wrap_put(&s->out, text, strlen(text));
    cli_wrap_end(&s->out);
    printf("%s\n", plain(s));
}

/* What is typed during a reply belongs to the next line; shown now it would stand in the middle of the reply. */
static void echo(const session *s, bool on) {
    struct termios t;
    if (!s->terminal || tcgetattr(0, &t)) return;
    if (on) t.c_lflag |= ECHO;
    else t.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(0, TCSANOW, &t);
}

/* Says a line (NULL: regenerates) and shows the reply. */
static int talk(session *s, const char *line) {
    us_error err;
    us_chat_result r;
    interrupted = 0;
    if (s->terminal) begin_line(s, us_card_name(s->card));
    echo(s, false);
    us_status st = line ? us_chat_reply(s->chat, line, stream, s, &r, &err) : us_chat_regenerate(s->chat, stream, s, &r, &err);
    echo(s, true);
    if (s->terminal) {
        cli_wrap_end(&s->out);
        putchar('\n');
    }
    if (st == US_ERR_INTERRUPTED && s->terminal) return remark(s, "(%s; the chat is as it was)", err.message), 0;
    if (st) return cli_fail("chat", st, &err);
    if (!s->terminal) print_one_line(r.text);
    else {
        static const char *const ends[] = {"", "", ", cut at its length", ", a loop was cut", ", stopped"};
        remark(s, "(%.1f s, %d %s, %d of %d prompt tokens cached%s%s)", r.seconds, r.n_takes, r.n_takes == 1 ? "take" : "takes",
               r.n_cached_tokens, r.n_prompt_tokens, ends[r.end], r.n_attempts > 1 ? ", made again" : "");
    }
    return autosave(s);
}

static void help(void) {
    puts("/regen          another reply to your last line\n"
         "/swipe          the next wording of the last reply, or of the greeting\n"
         "/edit TEXT      other words for the last reply, or for the greeting\n"
         "/undo           forget your last line and its reply\n"
         "/as NAME        say who you are (\"/as Marge Simpson\"; \"/as\" alone: nobody)\n"
         "/takes N        candidate replies, of which the best is spoken (1 streams)\n"
         "/history        the conversation so far\n"
         "/why            the exact prompt of the next reply, and what the guards did\n"
         "/samplers       what chooses the words\n"
         "/save FILE      write the chat        /load FILE      read one back\n"
         "/quit           leave (Ctrl-D does too; Ctrl-C stops a reply)");
}

static void guard_summary(session *s) {
    us_chat_counts g = us_chat_get_counts(s->chat);
    remark(s, "(%d %s of %d takes; cut: %d loops, %d that spoke for others; %d replies tried again)", g.n_replies,
           g.n_replies == 1 ? "reply" : "replies", g.n_takes, g.n_loops, g.n_labels, g.n_retries);
}

static void show_history(session *s) {
    for (size_t i = 0; i < us_chat_n_turns(s->chat); i++) {
        us_chat_turn t = us_chat_get_turn(s->chat, i);
        put_line(s, *t.speaker ? t.speaker : "you", t.text);
    }
    if (!us_chat_n_turns(s->chat)) remark(s, "(nothing was said yet)");
}

/* Another wording of the character's last turn: the next one that there is, or `text`. */
static us_status reword(session *s, const char *text, us_error *err) {
    size_t n = us_chat_n_turns(s->chat);
    us_chat_turn t = n ? us_chat_get_turn(s->chat, n - 1) : (us_chat_turn){0};
    if (!t.own) return remark(s, "(%s has not said anything yet)", us_card_name(s->card)), US_OK;
    us_status st = text ? us_chat_edit(s->chat, n - 1, text, err)
                        : us_chat_choose(s->chat, n - 1, (t.n_chosen + 1) % t.n_alternatives, err);
    if (st) return st;
    t = us_chat_get_turn(s->chat, n - 1);
    put_line(s, t.speaker, t.text);
    if (t.n_alternatives == 1) remark(s, "(the only wording so far: /regen makes another)");
    else remark(s, "(%zu of %zu)", t.n_chosen + 1, t.n_alternatives);
    autosave(s);
    return US_OK;
}

static void why(session *s) {
    us_error err;
    char *text;
    int32_t n;
    us_status st = us_chat_show_prompt(s->chat, &text, &n, &err);
    if (st) {
        cli_fail("chat", st, &err);
        return;
    }
    printf("%s%s%s\n", dim(s), text, plain(s));
    remark(s, "(%d tokens)", n);
    remark(s, "(of several takes, %s)",
           s->director ? "the director chooses" : "mutual information and rules choose: there is no director for this model");
    guard_summary(s);
    free(text);
}

/* A line that begins with a slash. Returns -1 to leave, else 0. */
static int command(session *s, char *line) {
    char *arg = line + strcspn(line, " ");
    if (*arg) *arg++ = 0;
    while (*arg == ' ') arg++;
    us_error err = {0};
    us_status st = US_OK;
    if (!strcmp(line, "/quit") || !strcmp(line, "/exit")) return -1;
    if (!strcmp(line, "/help")) help();
    else if (!strcmp(line, "/swipe")) st = reword(s, NULL, &err);
    else if (!strcmp(line, "/edit"))
        *arg ? (void)(st = reword(s, arg, &err)) : remark(s, "(/edit TEXT: the new words are expected)");
    else if (!strcmp(line, "/regen")) talk(s, NULL);
    else if (!strcmp(line, "/undo")) remark(s, us_chat_undo(s->chat) ? "(forgotten)" : "(nothing to forget)"), autosave(s);
    else if (!strcmp(line, "/as")) {
        if (!(st = us_chat_set_user(s->chat, arg, &err))) snprintf(s->prompt, sizeof s->prompt, "%s: ", *arg ? arg : "you");
    } else if (!strcmp(line, "/history")) show_history(s);
    else if (!strcmp(line, "/why")) why(s);
    else if (!strcmp(line, "/takes")) {
        char *end;
        long n = strtol(arg, &end, 10);
        if (*end || end == arg || n < 1 || n > 32) remark(s, "(/takes N: a number from 1 to 32 is expected)");
        else
            us_chat_set_takes(s->chat, (int32_t)n),
                remark(s, n == 1 ? "(one take, streamed as it is made)" : "(the best of %ld takes)", n);
    } else if (!strcmp(line, "/samplers")) {
        char text[512];
        us_sampler_describe(&s->sampler, text, sizeof text);
        puts(text);
    } else if ((!strcmp(line, "/save") || !strcmp(line, "/load")) && !*arg) remark(s, "(%s FILE: a file is expected)", line);
    else if (!strcmp(line, "/save")) {
        if (!(st = us_chat_save(s->chat, arg, &err))) remark(s, "(saved in %s)", arg);
    } else if (!strcmp(line, "/load")) {
        if (!(st = us_chat_load(s->chat, arg, &err))) remark(s, "(%zu turns read)", us_chat_n_turns(s->chat));
    } else remark(s, "(no command %s; /help lists them)", line);
    if (st) cli_fail("chat", st, &err);
    fflush(stdout);
    return 0;
}

static char *ask(EditLine *el) {
    void *s;
    el_get(el, EL_CLIENTDATA, &s);
    return ((session *)s)->prompt;
}

static int run_terminal(session *s) {
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8"); /* the editor counts characters by it */
    History *h = history_init();
    HistEvent ev;
    EditLine *el = el_init("understudy", stdin, stdout, stderr);
    char *kept = cli_state_file("chat_history");
    if (!h || !el) return EXIT_FAILED;
    history(h, &ev, H_SETSIZE, 500);
    history(h, &ev, H_SETUNIQUE, 1);
    if (kept) history(h, &ev, H_LOAD, kept);
    snprintf(s->prompt, sizeof s->prompt, "you: ");
    el_set(el, EL_CLIENTDATA, s);
    el_set(el, EL_PROMPT, ask);
    el_set(el, EL_HIST, history, h);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_SIGNAL, 1);
    remark(s, "%s over %s, %d tokens of context. /help lists commands.", us_card_name(s->card),
           us_model_get_info(s->model)->name, s->ctx);
    if (us_chat_n_turns(s->chat)) show_history(s);
    for (int n;;) {
        interrupted = 0;
        const char *line = el_gets(el, &n);
        if (!line && errno == EINTR && interrupted) {
            putchar('\n'); /* Ctrl-C gives a new line to type on */
            continue;
        }
        if (!line || n <= 0) break;
        char *copy = cli_must(strndup(line, (size_t)n));
        if (!copy) break;
        copy[strcspn(copy, "\r\n")] = 0;
        if (*copy) history(h, &ev, H_ENTER, line);
        if (*copy && kept) history(h, &ev, H_SAVE, kept);
        int rc = *copy == '/' ? command(s, copy) : *copy ? (talk(s, copy), 0) : 0;
        free(copy);
        if (rc) break;
    }
    putchar('\n');
    guard_summary(s);
    el_end(el);
    history_end(h);
    free(kept);
    return EXIT_OK;
}

/* Without a terminal: each line read is answered with one line. */
static int run_pipe(session *s) {
    char *line = NULL;
    size_t cap = 0;
    int rc = 0;
    for (ssize_t n; !rc && !interrupted && (n = getline(&line, &cap, stdin)) > 0;) {
        if (memchr(line, 0, (size_t)n)) {
            rc = cli_fail("chat", US_ERR_ARGUMENT,
                          &(us_error){.message = "a line of standard input holds a NUL byte: text in UTF-8 is expected"});
            break;
        }
        line[strcspn(line, "\r\n")] = 0;
        if (*line) rc = talk(s, line);
        else putchar('\n');
    }
    free(line);
    return rc ? rc : interrupted ? EXIT_INTERRUPTED : EXIT_OK;
}

/* "15043+2.5" or "15043-100", as llama.cpp writes them. */
static int parse_biases(const char *command, const cli_list *texts, us_logit_bias **out) {
    *out = cli_must(calloc(texts->n + 1, sizeof **out));
    for (size_t i = 0; *out && i < texts->n; i++) {
        char *sign, *end;
        long id = strtol(texts->items[i], &sign, 10);
        double bias = strtod(sign, &end);
        if (sign == texts->items[i] || (*sign != '+' && *sign != '-') || *end || id < 0 || id > INT_MAX ||
            !(bias >= -100 && bias <= 100)) {
            free(*out);
            return cli_usage(command, "--logit-bias: expected ID+X or ID-X with X up to 100, got '%s'", texts->items[i]);
        }
        (*out)[i] = (us_logit_bias){(int32_t)id, (float)bias};
    }
    return *out ? 0 : EXIT_FAILED;
}

/* ---- beginning ------------------------------------------------------------------------------------------------ */

/* What was typed. Numbers below 0 were not, nor were those that are 0 and may not be. */
typedef struct typed {
    const char *model, *character, *lora, *kv, *save, *load, *tpl;
    int64_t threads, ctx, takes, seed, history, predict, top_k;
    double temp, top_p, min_p, typical, repeat, dry, xtc, scale;
    cli_list bias_texts;
    us_logit_bias *biases; /* of these */
    bool f32, no_stops, force;
} typed;

/* *help: it was asked for, and shown. */
static int read_options(int argc, char **argv, typed *o, us_engine_options *eo, bool *help) {
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model: a path, https://... or hf:OWNER/NAME/FILE.gguf (the default model)", CLI_STRING,
         &o->model, 0, 0},
        {"character", 0, "NAME", "the same as CHARACTER: a name, folder or card.json (homer)", CLI_STRING, &o->character, 0, 0},
        {"lora", 0, "FILE", "adapter to use instead of the character's", CLI_STRING, &o->lora, 0, 0},
        {"lora-scale", 0, "X", "strength of the adapter, 0..2, 0 is off (1)", CLI_FLOAT, &o->scale, 0, 2},
        {"force-adapter", 0, NULL,
         "take an adapter that was trained over another file of the same shape (another quantization)", CLI_SWITCH, &o->force,
         0, 0},
        {"takes", 0, "N",
         "candidate replies, the best is spoken; 1 streams (the card's; without --seed fewer on a slow machine)", CLI_INT,
         &o->takes, 1, 32},
        {"seed", 's', "N", "same seed, same replies (random)", CLI_INT, &o->seed, 0, 9e15},
        {"temp", 0, "X", "temperature, 0 is greedy (the card's)", CLI_FLOAT, &o->temp, 0, 100},
        {"top-k", 0, "N", "0 is off (the card's)", CLI_INT, &o->top_k, 0, 1e9},
        {"top-p", 0, "X", "1 is off (the card's)", CLI_FLOAT, &o->top_p, 0, 1},
        {"min-p", 0, "X", "0 is off (the card's)", CLI_FLOAT, &o->min_p, 0, 1},
        {"typical", 0, "X", "locally typical sampling, 1 is off (the card's)", CLI_FLOAT, &o->typical, 0, 1},
        {"repeat-penalty", 0, "X", "1 is off (the card's)", CLI_FLOAT, &o->repeat, 0.01, 100},
        {"dry-multiplier", 0, "X", "DRY over the whole chat, 0 is off (the card's)", CLI_FLOAT, &o->dry, 0, 100},
        {"xtc-probability", 0, "X", "0 is off (the card's)", CLI_FLOAT, &o->xtc, 0, 1},
        {"logit-bias", 0, "ID+X", "adds to a token's logit (ID-X takes away, 100 bans); may be repeated", CLI_LIST,
         &o->bias_texts, 0, 0},
        {"no-stops", 0, NULL, "do not stop where the reply begins to speak for another", CLI_SWITCH, &o->no_stops, 0, 0},
        {"predict", 'n', "N", "most tokens of a reply (80)", CLI_INT, &o->predict, 1, 4096},
        {"history", 0, "N", "lines of the chat that the model sees (the card's)", CLI_INT, &o->history, 1, 1000},
        {"ctx-size", 'c', "N", "context in tokens (2048)", CLI_INT, &o->ctx, 64, 1 << 22},
        {"kv-type", 0, "TYPE", "KV cache: f16, q8_0, f32 (f16)", CLI_STRING, &o->kv, 0, 0},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &o->threads, 0, 256},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &o->tpl, 0,
         0},
        {"save", 0, "FILE", "write the chat there after every turn", CLI_STRING, &o->save, 0, 0},
        {"load", 0, "FILE", "go on with a saved chat", CLI_STRING, &o->load, 0, 0},
        {"f32", 0, NULL, "the float32 reference path", CLI_SWITCH, &o->f32, 0, 0},
    };
    int rc = cli_parse(
        argv[0],
        "usage: understudy chat [CHARACTER] [OPTIONS]\n\nTalk to a character. Without a terminal, each line of standard "
        "input is answered with one line.",
        options, sizeof options / sizeof *options, argc, argv, &n_operands, help);
    if (rc || *help) return rc;
    if (n_operands > 1) return cli_usage(argv[0], "unexpected '%s': one character is expected", argv[2]);
    if (n_operands && o->character) return cli_usage(argv[0], "unexpected '%s': --character names one already", argv[1]);
    if (!o->character) o->character = n_operands ? argv[1] : "homer";
    eo->n_threads = (int)o->threads;
    eo->n_ctx = us_chat_engine_tokens((int32_t)o->ctx, 0, (int32_t)o->predict); /* pages are touched as they are used */
    if ((rc = cli_kv_type(argv[0], o->kv, &eo->kv_type))) return rc;
    return parse_biases(argv[0], &o->bias_texts, &o->biases);
}

static us_status open_model(session *s, const typed *o, const char *path, us_engine_options *eo, us_error *err) {
    if (s->terminal) fprintf(stderr, "loading the model ...%s", cli_fancy(2) ? cli_escape(true, CLI_HOME) : "\n");
    us_status st = us_model_open(path,
                                 &(us_model_options){.math = o->f32 ? US_MATH_F32 : US_MATH_FAST,
                                                     .n_threads = (int)o->threads,
                                                     .template_name = o->tpl,
                                                     .check = us_engine_check,
                                                     .check_ctx = eo},
                                 &s->model, err);
    if (st == US_ERR_MEMORY) { /* the number in the message is ours, not the user's */
        size_t n = strlen(err->message);
        snprintf(err->message + n, sizeof err->message - n, " (a chat of %d keeps %d: prompt, persona and takes)", (int)o->ctx,
                 eo->n_ctx);
    }
    for (size_t i = 0; i < o->bias_texts.n && !st; i++)
        if (o->biases[i].token >= us_model_get_info(s->model)->n_vocab)
            st = us_fail(err, US_ERR_ARGUMENT, "--logit-bias: token %d: the model has %d", o->biases[i].token,
                         us_model_get_info(s->model)->n_vocab);
    return st ? st : us_engine_new(s->model, eo, &s->engine, err);
}

/* The adapter that was typed, else the card's, which lies beside it; and the director. */
static us_status open_adapter(session *s, const typed *o, const char *card_file, us_error *err) {
    char path[PATH_MAX];
    const char *lora = o->lora;
    us_status st = US_OK;
    if (!lora && us_card_adapter(s->card)) {
        char *folder = cli_card_folder(card_file);
        if (snprintf(path, sizeof path, "%s/%s", folder, us_card_adapter(s->card)) >= (int)sizeof path)
            st = us_fail(err, US_ERR_LIMIT, "%s: the path of its adapter is too long", card_file);
        free(folder);
        lora = path;
    }
    if (!st && lora) st = us_adapter_open(s->model, lora, o->force, &s->adapter, err);
    if (!st && !o->force) find_director(s, card_file);
    return st;
}

static void set_sampler(session *s, const typed *o) {
    s->sampler = us_card_sampler(s->card);
    if (o->temp >= 0) s->sampler.temperature = o->temp;
    if (o->top_k >= 0) s->sampler.top_k = (int32_t)o->top_k;
    if (o->top_p >= 0) s->sampler.top_p = o->top_p;
    if (o->min_p >= 0) s->sampler.min_p = o->min_p;
    if (o->typical >= 0) s->sampler.typical_p = o->typical;
    if (o->repeat > 0) s->sampler.repeat_penalty = o->repeat;
    if (o->dry >= 0) s->sampler.dry_multiplier = o->dry;
    if (o->xtc >= 0) s->sampler.xtc_probability = o->xtc;
    us_sampler_take_literally(&s->sampler);
    s->sampler.seed = o->seed >= 0 ? (uint64_t)o->seed : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    s->sampler.biases = o->biases;
    s->sampler.n_biases = o->bias_texts.n;
}

static us_status begin_chat(session *s, const typed *o, us_error *err) {
    set_sampler(s, o);
    us_chat_options co = {.sampler = &s->sampler,
                          .adapter = o->scale > 0 ? s->adapter : NULL,
                          .adapter_scale = o->scale,
                          .director = s->director,
                          .takes = (int32_t)o->takes,
                          .hurry = !o->takes && o->seed < 0, /* a seed promises the same replies, whatever the speed */
                          .max_tokens = (int32_t)o->predict,
                          .history = (int32_t)o->history,
                          .context = (int32_t)o->ctx,
                          .no_stops = o->no_stops};
    us_status st = us_chat_new(s->engine, s->card, &co, &s->chat, err);
    return !st && o->load ? us_chat_load(s->chat, o->load, err) : st;
}

static int run(session *s) {
    struct sigaction sa = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &sa, NULL);
    if (s->terminal && cli_fancy(2)) fputs(cli_escape(true, CLI_CLEAR), stderr);
    return s->terminal ? run_terminal(s) : run_pipe(s);
}

static void end(session *s) {
    us_chat_free(s->chat);
    us_adapter_free(s->adapter);
    us_director_free(s->director);
    us_engine_free(s->engine);
    us_model_free(s->model);
    us_card_free(s->card);
}

int cmd_chat(int argc, char **argv) {
    typed o = {.ctx = 2048,
               .seed = -1,
               .top_k = -1,
               .temp = -1,
               .top_p = -1,
               .min_p = -1,
               .typical = -1,
               .repeat = -1,
               .dry = -1,
               .xtc = -1,
               .scale = 1};
    us_engine_options eo = {0};
    us_error err = {0};
    bool help;
    int rc = read_options(argc, argv, &o, &eo, &help);
    if (rc || help) return rc;
    session s = {.save = o.save, .ctx = (int)o.ctx, .terminal = isatty(0) && isatty(1), .fancy = cli_fancy(1)};
    char *card_file = NULL, *path = NULL;
    us_status st = cli_find_card(o.character, &card_file, &err);
    if (!st) st = us_card_open(card_file, &s.card, &err);
    if (!st && !(path = cli_model_path(argv[0], o.model))) rc = EXIT_FAILED; /* it has said why */
    else {
        if (!st) st = open_model(&s, &o, path, &eo, &err);
        if (!st) st = open_adapter(&s, &o, card_file, &err);
        if (!st) st = begin_chat(&s, &o, &err);
        rc = st ? cli_fail(argv[0], st, &err) : run(&s);
    }
    end(&s);
    free(o.biases);
    free(card_file);
    free(path);
    return rc;
}
