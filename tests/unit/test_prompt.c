/* What the model sees: a conversation in serving is, word for word, what it was in training; examples, windows, room; whose
 * turn it is. */
#include "test.h"
#include "chat/prompt.h"
#include "chat/speaker.h"
#include "mktiny.h"
#include "base/file.h"
#include "base/rng.h"
#include "understudy/dataset.h"
#include "understudy/model.h"

static us_error err;

static us_card *card_of(const char *name, int history) {
    char json[2000];
    us_card *c;
    snprintf(json, sizeof json,
             "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"%s\",\"description\":\"You are "
             "{{char}}.\",\"scenario\":\"{{user}} is here.\",\"mes_example\":\"{{user}}: Hi\\n{{char}}: Ho\","
             "\"extensions\":{\"understudy\":{\"history\":%d}}}}",
             name, history);
    assert_ok(us_card_parse(json, strlen(json), "test", &c, &err), &err);
    return c;
}

/* A scene of many shapes: runs of one speaker, of several, long and short. */
static char *write_csv(const char *dir, int n_scenes) {
    static const char *const who[] = {"Homer", "Marge", "Bart", "Homer", "Lisa", "Marge", "Homer", "Homer"};
    char *path = us_path_join(dir, "s.csv");
    FILE *f = fopen(path, "w");
    unsigned r = 7;
    fputs("name,line\n", f);
    for (int s = 0; s < n_scenes; s++) {
        for (int i = 0; i < 14; i++) {
            r = r * 1103515245u + 12345u;
            fprintf(f, "%s,Word%u and %d.\n", who[(r >> 16) % (s % 3 ? 8 : 5)], r >> 20, i);
        }
        fputs(",\n", f);
    }
    fclose(f);
    return path;
}

/* Every target of the set, asked for as the server would ask: the lines before it, by their speakers. */
static void as_in_training(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = write_csv(dir, 60);
    us_script *script;
    us_dataset *set;
    size_t n_examples, n_turns, n_lines, n_speakers, n_checked = 0;
    const int histories[] = {1, 3, 10};
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &script, &err), &err);
    const us_line *l = us_script_get_lines(script, &n_lines);
    const us_speaker *sp = us_script_get_speakers(script, &n_speakers);
    for (int h = 0; h < 3; h++) {
        us_card *card = card_of("Homer", histories[h]);
        assert_ok(us_dataset_build(script,
                                   &(us_dataset_options){
                                       .character = "Homer", .history = histories[h], .validation = 1e-9, .filters_off = ~0u},
                                   &set, &err),
                  &err);
        const us_example *e = us_dataset_get_examples(set, &n_examples);
        const us_turn *turns = us_dataset_get_turns(set, &n_turns);
        for (size_t i = 0; i < n_examples; i++)
            for (uint32_t k = 1; k < e[i].n_turns; k++) {
                const us_turn *t = &turns[e[i].first_turn + k];
                us_chat_line lines[512];
                us_prompt p;
                if (!t->target) continue;
                size_t n = 0, end = t->first_line, begin = end;
                size_t n_scenes;
                const us_scene *scenes = us_script_get_scenes(script, &n_scenes);
                for (size_t s = 0; s < n_scenes; s++)
                    if (end >= scenes[s].first_line && end < scenes[s].first_line + scenes[s].n_lines)
                        begin = scenes[s].first_line;
                while (begin < end && !strcmp(sp[l[begin].speaker].name, "Homer"))
                    begin++; /* an opening is no example's part */
                for (size_t x = begin; x < end; x++)
                    lines[n++] = (us_chat_line){sp[l[x].speaker].name, l[x].text, !strcmp(sp[l[x].speaker].name, "Homer")};
                assert_ok(
                    us_prompt_make(&(us_prompt_spec){.card = card, .trained = true, .lines = lines, .n_lines = n}, &p, &err),
                    &err);
                uint32_t first = us_dataset_window(set, &e[i], k);
                assert_int_equal(p.n_head, 1);
                assert_int_equal(p.n - 1, k - first);
                for (uint32_t m = first; m < k; m++) {
                    assert_string_equal(p.messages[1 + m - first].content, turns[e[i].first_turn + m].text);
                    assert_string_equal(p.messages[1 + m - first].role,
                                        turns[e[i].first_turn + m].character ? "assistant" : "user");
                }
                us_prompt_fini(&p);
                n_checked++;
            }
        us_dataset_free(set);
        us_card_free(card);
    }
    assert_true(n_checked > 300);
    us_script_free(script);
    free(path);
    us_tiny_remove(dir);
}

static void an_empty_persona(void **state) {
    (void)state;
    us_card *card;
    us_prompt p;
    us_chat_line line = {NULL, "Hi.", false};
    static const char json[] = "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Ann\"}}";
    assert_ok(us_card_parse(json, sizeof json - 1, "test", &card, &err), &err);
    us_prompt_spec spec = {.card = card, .lines = &line, .n_lines = 1};
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_true(p.n == 2 && !*p.messages[0].content);
    us_prompt_fini(&p);
    spec.no_empty_system = true;
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_true(p.n == 1 && !p.n_head);
    assert_string_equal(p.messages[0].content, "Hi.");
    us_prompt_fini(&p);
    us_card_free(card);
}

static void names_examples_and_going_on(void **state) {
    (void)state;
    us_card *card = card_of("Homer", 10);
    us_prompt p;
    us_chat_line lines[] = {
        {NULL, "Hello.", false}, {"Marge", "Homer!", false}, {NULL, "Yes?", true}, {NULL, "What is it?", true}};
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card, .user = "Bart", .more = "It rains.", .lines = lines, .n_lines = 2},
                             &p, &err),
              &err);
    assert_int_equal(p.n, 4);
    assert_int_equal(p.n_head, 3);
    assert_string_equal(p.messages[0].content, "You are Homer.\nBart is here.\nIt rains.");
    assert_string_equal(p.messages[1].content, "Hi");
    assert_string_equal(p.messages[2].content, "Ho");
    assert_string_equal(p.messages[3].content, "Hello.\nMarge: Homer!");
    assert_false(p.open);
    us_prompt_fini(&p);
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card, .trained = true, .lines = lines, .n_lines = 4}, &p, &err), &err);
    assert_true(p.open); /* his own turn goes on */
    assert_string_equal(p.messages[2].content, "Yes? What is it?");
    assert_string_equal(p.messages[0].content, "You are Homer.\nyou is here.");
    us_prompt_fini(&p);
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card, .trained = true}, &p, &err), &err); /* nobody has spoken */
    assert_int_equal(p.n, 1);
    us_prompt_fini(&p);
    us_card_free(card);
}

static void cards_are_played(void **state) {
    (void)state;
    static const char json[] =
        "{\"spec\":\"chara_card_v3\",\"data\":{\"name\":\"Captain Ada\",\"nickname\":\"Ada\",\"description\":\"{{char}} "
        "sails.\",\"personality\":\"brisk\","
        "\"scenario\":\"\",\"system_prompt\":\"Play {{char}}. {{original}}\",\"post_history_instructions\":\"Answer {{user}} "
        "in verse.\","
        "\"mes_example\":\"<START>\\r\\n{{user}}: Hi\\r\\nAda: Ho\\r\\nho\\r\\n<START>\\r\\n{{user}}: no answer\","
        "\"character_book\":{\"entries\":[{\"keys\":[\"ship\"],\"content\":\"The ship is the "
        "Swan.\",\"insertion_order\":1,\"enabled\":true,\"position\":\"before_char\"},"
        "{\"keys\":[\"rum\"],\"content\":\"No rum.\",\"insertion_order\":2,\"enabled\":true}]},"
        "\"extensions\":{\"depth_prompt\":{\"prompt\":\"Night "
        "falls.\",\"depth\":2,\"role\":\"system\"},\"understudy\":{\"history\":4}}}}";
    us_card *card;
    us_prompt p;
    us_chat_line lines[] = {{NULL, "Old words.", false},
                            {NULL, "Aye.", true},
                            {NULL, "Where is the ship?", false},
                            {NULL, "At sea.", true},
                            {NULL, "And now?", false}};
    assert_ok(us_card_parse(json, sizeof json - 1, "test", &card, &err), &err);
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card, .user = "Pat", .lines = lines, .n_lines = 5}, &p, &err), &err);
    assert_string_equal(p.messages[0].content, "Play Ada.\nThe ship is the Swan.\nAda sails.\nbrisk");
    assert_int_equal(p.n_head, 3);
    assert_string_equal(p.messages[1].content, "Hi");
    assert_string_equal(p.messages[2].content, "Ho\nho");
    assert_int_equal(p.n, 6); /* the window begins at the ship: pieces of the card are no lines of the four */
    assert_string_equal(p.messages[3].content, "Where is the ship?\nNight falls.");
    assert_string_equal(p.messages[4].content, "At sea.");
    assert_string_equal(p.messages[5].content, "And now?\nAnswer Pat in verse.");
    us_prompt_fini(&p);
    /* where the character goes on, nothing stands inside their turn; what would stand before all that is seen stands first */
    card->depth = 100;
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card, .user = "Pat", .lines = lines, .n_lines = 4}, &p, &err), &err);
    assert_true(p.open);
    assert_string_equal(p.messages[3].content, "Night falls.\nOld words.");
    assert_string_equal(p.messages[5].content, "Where is the ship?\nAnswer Pat in verse.");
    assert_string_equal(p.messages[6].content, "At sea.");
    us_prompt_fini(&p);
    assert_ok(us_prompt_make(&(us_prompt_spec){.card = card}, &p, &err), &err); /* nobody has spoken */
    assert_string_equal(p.messages[p.n - 1].content, "Night falls.\nAnswer you in verse.");
    us_prompt_fini(&p);
    assert_int_equal(json_array_size(card->notes), 1); /* the example without an answer */
    us_card_free(card);
}

/* A conversation that the character begins: a turn of its own, or, where the template knows none such, in the system text. */
static void greetings(void **state) {
    (void)state;
    us_card *card = card_of("Homer", 3);
    us_prompt p;
    us_chat_line lines[] = {{"Homer", "Donuts?", true}, {NULL, "Yes!", false}, {"Homer", "Mmm.", true}, {NULL, "More?", false}};
    us_prompt_spec spec = {.card = card, .trained = true, .lines = lines, .n_lines = 2};
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_int_equal(p.n, 3);
    assert_string_equal(p.messages[1].role, "assistant");
    assert_string_equal(p.messages[1].content, "Donuts?");
    assert_true(us_prompt_shorten(&p)); /* it goes alone, what it asked for stays */
    assert_string_equal(p.messages[1].content, "Yes!");
    assert_false(us_prompt_shorten(&p));
    us_prompt_fini(&p);

    spec.user_first = true;
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.messages[0].content, "You are Homer.\nyou is here.\nHomer: Donuts?");
    assert_string_equal(p.messages[1].content, "Yes!");
    us_prompt_fini(&p);

    spec.user_first = false, spec.no_neighbours = true; /* nothing stands beside it; then the examples do */
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_int_equal(p.n, 3);
    us_prompt_fini(&p);
    spec.trained = false;
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_int_equal(p.n, 4);
    assert_string_equal(p.messages[0].content, "You are Homer.\nyou is here.\nHomer: Donuts?");
    for (size_t i = 1; i < p.n; i++) assert_string_equal(p.messages[i].role, i % 2 ? "user" : "assistant");
    us_prompt_fini(&p);
    spec.n_lines = 1; /* it goes on: the examples are left out */
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_true(p.open && p.n == 2);
    us_prompt_fini(&p);
    spec.user_first = spec.trained = true, spec.no_neighbours = false;

    spec.n_lines = 1; /* the greeting goes on: there is nothing to put it before */
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_true(p.open && p.n == 2);
    us_prompt_fini(&p);

    spec.n_lines = 4; /* four lines, three are seen: it has scrolled away */
    for (int i = 0; i < 2; i++, spec.user_first = !spec.user_first) {
        assert_ok(us_prompt_make(&spec, &p, &err), &err);
        assert_int_equal(p.first_line, 1);
        assert_string_equal(p.messages[1].content, "Yes!");
        assert_int_equal(p.n, 4);
        us_prompt_fini(&p);
    }
    us_card_free(card);
}

/* A reply reads only the end of a chat: what it makes of that is, byte for byte, what it would make of all of it. */
static void the_end_is_enough(void **state) {
    (void)state;
    us_rng rng;
    us_rng_seed(&rng, 7);
    static const char *const words[] = {"The ship?", "Rum and a {{pick::a,b,c}}.", "Hello.", "At sea, near the whale."};
    for (int round = 0; round < 2000; round++) {
        char json[1500];
        us_card *card;
        us_chat_line lines[80];
        us_prompt whole, end;
        size_t n = 1 + (size_t)us_rng_below(&rng, 80), own_run = 1 + (size_t)us_rng_below(&rng, 6), keep = 0, k = n;
        snprintf(json, sizeof json,
                 "{\"spec\":\"chara_card_v3\",\"data\":{\"name\":\"Ada\",\"description\":\"{{char}} likes "
                 "{{pick::tea,rum,gin,ale}} and {{random::one,two,three,four}}.\",\"character_book\":{\"scan_depth\":%d,"
                 "\"entries\":[{\"keys\":[\"ship\"],\"content\":\"The Swan.\",\"enabled\":true},{\"keys\":[\"whale\"],"
                 "\"content\":\"@@activate_only_after 30\\nIt is white.\",\"enabled\":true}]},\"extensions\":{"
                 "\"depth_prompt\":{\"prompt\":\"Night.\",\"depth\":%d},\"understudy\":{\"history\":%d}}}}",
                 1 + (int)us_rng_below(&rng, 12), (int)us_rng_below(&rng, 8), 1 + (int)us_rng_below(&rng, 10));
        assert_ok(us_card_parse(json, strlen(json), "test", &card, &err), &err);
        for (size_t i = 0; i < n; i++) {
            bool own = us_rng_below(&rng, (uint32_t)own_run + 1) > 0;
            lines[i] = (us_chat_line){own                         ? "Ada"
                                      : us_rng_below(&rng, 2) > 0 ? "Pat"
                                                                  : "Bo",
                                      words[us_rng_below(&rng, 4)], own};
        }
        while (k && lines[k - 1].own) k--; /* as the store counts */
        keep = n - k + us_prompt_reach(card, 0);
        if (keep > n) keep = n;
        us_prompt_spec spec = {.card = card, .user = "Pat", .lines = lines, .n_lines = n, .user_first = round % 2};
        assert_ok(us_prompt_make(&spec, &whole, &err), &err);
        spec.n_before = n - keep;
        spec.opening = keep < n ? lines[0].text : NULL;
        spec.lines += n - keep;
        spec.n_lines = keep;
        assert_ok(us_prompt_make(&spec, &end, &err), &err);
        assert_true(whole.n == end.n && whole.open == end.open && whole.first_line == end.first_line + (n - keep));
        for (size_t i = 0; i < end.n; i++) {
            assert_string_equal(whole.messages[i].role, end.messages[i].role);
            assert_string_equal(whole.messages[i].content, end.messages[i].content);
        }
        us_prompt_fini(&whole);
        us_prompt_fini(&end);
        us_card_free(card);
    }
}

static void shortened_to_fit(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = us_path_join(dir, "m.gguf");
    us_model *model;
    const us_template *tpl;
    us_card *card = card_of("Homer", 100);
    us_chat_line lines[21];
    for (int i = 0; i < 21; i++)
        lines[i] = (us_chat_line){NULL, i % 2 ? "and so on and so on" : "one two three four", i % 2 == 1};
    assert_ok(us_tiny_write(&(us_tiny){.seed = 3}, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &model, &err), &err);
    assert_ok(us_model_get_template(model, &tpl, &err), &err);
    us_prompt_spec spec = {.card = card, .trained = true, .lines = lines, .n_lines = 21};
    us_tokens all = {0}, some = {0}, alone = {0}, expected = {0};
    us_prompt p;
    assert_ok(us_prompt_make(&spec, &p, &err), &err);
    assert_int_equal(p.n, 22);
    assert_ok(us_prompt_tokenize(&p, tpl, us_model_get_tokenizer(model), 100000, &all, NULL, &err), &err);
    assert_ok(us_prompt_tokenize(&p, tpl, us_model_get_tokenizer(model), (int32_t)all.n / 2, &some, &alone, &err), &err);
    assert_true(some.n <= all.n / 2 && alone.n > 0 && alone.n < some.n);
    assert_string_equal(p.messages[1].role, "user"); /* turns are left out in pairs */
    assert_memory_equal(alone.ids, some.ids, 4 * sizeof *some.ids);
    assert_ok(us_template_tokenize(tpl, us_model_get_tokenizer(model), p.messages, p.n - 1, true, &expected, NULL, &err),
              &err); /* all but what is answered */
    assert_int_equal(alone.n, expected.n);
    assert_memory_equal(alone.ids, expected.ids, expected.n * sizeof *expected.ids);
    assert_int_equal(us_prompt_tokenize(&p, tpl, us_model_get_tokenizer(model), 5, &some, NULL, &err), US_ERR_LIMIT);
    us_prompt_fini(&p);
    us_tokens_fini(&all);
    us_tokens_fini(&some);
    us_tokens_fini(&alone);
    us_tokens_fini(&expected);
    us_card_free(card);
    us_model_free(model);
    free(path);
    us_tiny_remove(dir);
}

static void who_speaks_next(void **state) {
    (void)state;
    us_scene_actor cast[] = {{"Homer Simpson", 4}, {"Marge Simpson", 2}, {"Moe Szyslak", -1}};
    assert_int_equal(us_scene_next(cast, 3, 0, "D'oh!"), 2);                       /* he has not spoken yet */
    assert_int_equal(us_scene_next(cast, 2, -1, "Hello?"), 1);                     /* silent longest */
    assert_int_equal(us_scene_next(cast, 2, 1, "Hm."), 0);                         /* she has just spoken */
    assert_int_equal(us_scene_next(cast, 3, -1, "I say, homer, and Marge..."), 0); /* the first named */
    assert_int_equal(us_scene_next(cast, 3, 0, "Homer needs a beer, Moe!"), 2);    /* nobody answers himself */
    assert_int_equal(us_scene_next(cast, 3, 0, "A moment, Marges!"), 2);           /* no whole word */
    assert_int_equal(us_scene_next(cast, 3, -1, "Ask Moe Szyslak."), 2);
    assert_int_equal(us_scene_next(cast, 1, 0, "Homer?"), 0); /* alone, he goes on */
    us_scene_actor titled[] = {{"Mr. Burns", 3}, {"Waylon Smithers", 1}, {"The Doctor", 2}};
    assert_int_equal(us_scene_next(titled, 3, -1, "Mr. Smithers, the bill!"), 1);   /* a title names nobody */
    assert_int_equal(us_scene_next(titled, 3, -1, "What does the weather do?"), 1); /* silent longest */
    assert_int_equal(us_scene_next(titled, 3, -1, "And you, Mr. Burns?"), 0);
    assert_int_equal(us_scene_next(cast, 3, -1, NULL), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_in_training),   cmocka_unit_test(an_empty_persona), cmocka_unit_test(names_examples_and_going_on),
        cmocka_unit_test(cards_are_played), cmocka_unit_test(greetings),        cmocka_unit_test(the_end_is_enough),
        cmocka_unit_test(shortened_to_fit), cmocka_unit_test(who_speaks_next)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
