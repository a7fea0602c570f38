/* understudy/corpus.h - the dialogue of a series, read and repaired: files in, a script out.
 *
 * A script is one or more files, folders or archives, read in order as episodes > scenes > lines. Their shape (a table, JSON,
 * a screenplay, subtitles, a chat, ...: docs/scripts.md) and their encoding are found by content. Reading repairs what is
 * broken by named rules; every repair is counted and can be listed, every rule can be switched off, and nothing is dropped
 * in silence:
 *
 *     rows = lines + actions + breaks + rejected        (for each file and in all)
 *
 * The simple way:
 *
 *     us_script *script;
 *     us_status st = us_script_load(&(us_script_options){0}, paths, n_paths, &script, &err);
 *     size_t n_lines;
 *     const us_line *lines = us_script_get_lines(script, &n_lines);
 *     us_script_free(script);
 *
 * A script is immutable after load and may be shared by threads. All text is valid UTF-8 (NFC is not
 * enforced), NUL-terminated, owned by the script. */
#ifndef UNDERSTUDY_CORPUS_H
#define UNDERSTUDY_CORPUS_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The doctor's rules. Each is a bit in us_script_options.rules_off and in us_line.repairs. */
typedef enum us_rule {
    US_RULE_FIELDS = 0, /* unescaped commas or quotes: surplus fields joined back into the text */
    US_RULE_MOJIBAKE,   /* UTF-8 read as Windows-1252 and encoded again, once or twice: turned back */
    US_RULE_BLANKS,     /* stray, doubled, no-break blanks and control characters: folded to one blank, ends trimmed */
    US_RULE_DIRECTIONS, /* stage directions in brackets: taken out of the text (kept in us_line.direction) */
    US_RULE_CREDITS,    /* credits posing as lines ("Written by:"): the row becomes an action */
    US_RULE_SHOUTED,    /* an all-capitals name that equals another but for case: that other is used */
    US_RULE_ALIASES,    /* the user's alias file: names joined */
    US_RULE_ENCODING,   /* a line in another encoding than the rest of its file: converted */
    US_RULE_QUOTES,     /* a quote that opens a cell and never closes it: text */
    US_RULE_CUES,       /* "(V.O.)", "(O.S.)", "(CONT'D)" behind a name: taken off */
    US_N_RULES
} us_rule;

typedef struct us_script_options {
    const char *speaker_column, *text_column, *episode_column, *season_column, *scene_column; /* NULL: found by name */
    const char *alias_file;     /* NULL, or JSON {"canonical name": ["alias", ...], ...}, or a corpus.json that explore wrote */
    const char *format;         /* a name of us_format_name(); NULL: found by content */
    const char *encoding;       /* "windows-1251", ...; NULL: found by content */
    const char *const *exclude; /* n_exclude names that are no speakers (narrators, signs): their rows become actions */
    size_t n_exclude;
    char delimiter;        /* of a table; 0: found by content */
    uint32_t rules_off;    /* bit i set: rule i is off */
    size_t max_cell_bytes; /* 0: 1 MiB */
    size_t max_rows;       /* 0: 50 million */
} us_script_options;

typedef struct us_line {
    const char *text;      /* the spoken words after repair; never empty */
    const char *direction; /* stage directions taken out, or NULL */
    uint32_t speaker;      /* index into the speakers; US_SPEAKER_NONE for words without a name */
    uint32_t scene;        /* index into the scenes */
    uint32_t file, row;    /* where it came from: index into the paths; 1-based line of the file at which the row starts */
    uint32_t repairs;      /* bit i set: rule i changed this row */
} us_line;
#define US_SPEAKER_NONE UINT32_MAX

typedef struct us_speaker {
    const char *name;         /* as written most often, after repair */
    uint32_t n_rows, n_lines; /* rows with this name; those of them that are lines */
    uint64_t n_words;         /* blank-separated words spoken */
    uint32_t n_scenes;        /* scenes in which they speak */
    bool joint;               /* the name holds several speakers ("Homer and Bart", "Wendy, Cartman", "A/B") */
} us_speaker;

typedef struct us_scene {
    uint32_t first_line, n_lines; /* range of the lines */
    uint32_t episode;             /* index into the episodes */
} us_scene;

typedef struct us_episode {
    const char *name; /* "" when the file does not say */
    uint32_t first_scene, n_scenes;
} us_episode;

typedef struct us_repair { /* one repair or rejection, in the order of the files */
    uint32_t file, row;
    us_rule rule;
    bool rejected;              /* true: the row was not used at all (rule says nothing) */
    const char *before, *after; /* the cell, or the reason of a rejection in `after` */
} us_repair;

typedef struct us_script_counts {
    uint64_t rows, lines, actions, breaks, rejected; /* rows = lines + actions + breaks + rejected */
    uint64_t unnamed;                                /* lines without a speaker's name (part of lines) */
    uint64_t names, names_with_lines;                /* distinct names as written, before any joining */
    uint64_t runs;                                   /* stretches of rows between breaks, with or without lines */
    uint64_t repairs[US_N_RULES];
} us_script_counts;

/* What was read, a file (or a file of an archive) each. */
typedef struct us_source {
    const char *path;
    /* "csv", "screenplay", ...: as us_script_options.format takes it; NULL: passed over, `about` says why. */
    const char *format;
    const char *about;     /* "CSV, ';' between the cells" */
    const char *encoding;  /* "windows-1251" */
    const char *others;    /* readings that were weighed and not taken, for a person; "" if none */
    bool encoding_guessed; /* nothing in the file says so: the statistics of its letters did */
    uint64_t rows, lines, rejected;
} us_source;

typedef struct us_script us_script;

/* Reads n_paths files, folders or archives ("-" is standard input) as one script. Errors: NOT_FOUND (no such file or column:
 * the message lists the columns there are), FORMAT (no script: the message says what it is and what to do), ARGUMENT (an
 * unknown format or encoding), LIMIT (past a cap). Free with us_script_free. */
US_API US_MUST_USE us_status us_script_load(const us_script_options *options, const char *const *paths, size_t n_paths,
                                            us_script **out, us_error *err);
US_API void us_script_free(us_script *script);

US_API const us_line *us_script_get_lines(const us_script *s, size_t *n);
US_API const us_speaker *us_script_get_speakers(const us_script *s, size_t *n); /* by lines, descending, then name */
US_API const us_scene *us_script_get_scenes(const us_script *s, size_t *n);     /* only scenes with at least one line */
US_API const us_episode *us_script_get_episodes(const us_script *s, size_t *n);
US_API const us_repair *us_script_get_repairs(const us_script *s, size_t *n);
US_API const us_script_counts *us_script_get_counts(const us_script *s);
US_API const us_source *us_script_get_sources(const us_script *s, size_t *n);
/* The formats: a name ("fountain") and what it is ("Fountain screenplay"); NULL past the last. */
US_API const char *us_format_name(size_t i);
US_API const char *us_format_title(size_t i);
/* FORMAT when more than 2% of the rows (and more than 20) were rejected, when all were, or when more than 20% were repaired by
 * one of the rules that mend damage (fields, mojibake, encoding, quotes): the script is likely not what it seems. The message
 * has the first three places. */
US_API US_MUST_USE us_status us_script_check_damage(const us_script *s, us_error *err);
/* Names that were joined to a speaker, by the rules "shouted" and "aliases", in the order in which they were met. */
typedef struct us_joined {
    const char *name;
    uint32_t speaker, n_rows;
} us_joined;
US_API const us_joined *us_script_get_joined(const us_script *s, size_t *n);
US_API const char *us_script_get_path(const us_script *s, uint32_t file);
US_API const char *us_rule_name(us_rule rule); /* "fields", "mojibake", ... as the command line names it */

/* Index of the speaker of that name: exact, else equal but for case. NOT_FOUND names the nearest. */
US_API US_MUST_USE us_status us_script_find_speaker(const us_script *s, const char *name, uint32_t *speaker, us_error *err);

/* A pair of names that may be one person. */
typedef struct us_alias {
    uint32_t from, to;  /* `from` would join `to` (the one with more lines) */
    const char *reason; /* "case", "typo", "first name", "initials", ... */
    double score;       /* 0..1, how sure */
} us_alias;
/* Suggestions, surest first; nothing is joined by itself. *out is free()d by the caller. */
US_API US_MUST_USE us_status us_script_suggest_aliases(const us_script *s, us_alias **out, size_t *n, us_error *err);

/* Names that are likely no person: narrators, scene descriptions, signs, lyrics. Indices into the speakers, most rows first;
 * nothing is left out by itself. *out is free()d by the caller. */
US_API US_MUST_USE us_status us_script_suggest_exclusions(const us_script *s, uint32_t **out, size_t *n, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
