/* Which column is which: by the options, else by the names that scripts on the web use. */
#include "corpus/script.h"
#include <stdio.h>
#include <string.h>

static const char *const known[US_N_CELLS][12] = {
    {"raw_character_text", "character", "speaker", "name", "character name", "character_name", "who", "from", "role"},
    {"spoken_words", "line", "text", "dialogue", "dialog", "utterance", "words", "transcript", "sentence", "content", "quote"},
    {"episode", "episode no.", "episode_id", "episode_no", "episode number", "episode_number", "episode name", "episode_name",
     "ep"},
    {"season", "season no.", "season_no", "season number", "season_number"},
    {"scene", "scene_id", "scene no.", "scene_no", "scene number"},
};
static const char *const what[US_N_CELLS] = {"speaker", "text", "episode", "season", "scene"};

static int find(const us_span_str *header, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (header[i].n == strlen(name) && !strncasecmp(header[i].s, name, header[i].n)) return (int)i;
    return -1;
}

us_status us_columns_find(const us_script_options *o, const char *path, const us_span_str *header, size_t n, us_columns *out,
                          us_error *err) {
    const char *const given[US_N_CELLS] = {o->speaker_column, o->text_column, o->episode_column, o->season_column,
                                           o->scene_column};
    for (int c = 0; c < US_N_CELLS; c++) {
        out->at[c] = -1;
        if (given[c]) out->at[c] = find(header, n, given[c]);
        for (int k = 0; k < 12 && known[c][k] && !given[c] && out->at[c] < 0; k++) out->at[c] = find(header, n, known[c][k]);
        if (out->at[c] >= 0 || (!given[c] && c > US_CELL_TEXT)) continue;
        char list[512] = "";
        size_t k = 0;
        for (size_t i = 0; i < n && k < sizeof list; i++)
            k += (size_t)snprintf(list + k, sizeof list - k, "%s'%.*s'", i ? ", " : "",
                                  (int)(header[i].n < 60 ? header[i].n : 60), header[i].s);
        if (given[c]) return us_fail(err, US_ERR_NOT_FOUND, "%s: no column '%s'; there are %s", path, given[c], list);
        return us_fail(err, US_ERR_NOT_FOUND,
                       "%s: no column looks like the %s's; there are %s: name it with --%s-column (a wrong --delimiter shows "
                       "like this too)",
                       path, what[c], list, what[c]);
    }
    return US_OK;
}
