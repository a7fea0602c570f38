/* What visitors tell of themselves, and what comes back when they ask for it. */
#include "test.h"
#include "base/buf.h"
#include "chat/conversation.h"
#include "chat/names.h"

static us_error err;

/* The lines are heard; then the last one is asked. What stands in front of it must have `want` (NULL: nothing comes). */
static void check(const char *const *lines, const char *ask, const char *want, const char * not ) {
    us_notes s = {0};
    us_buf b;
    us_buf_init(&b, 4096);
    for (; *lines; lines++) assert_ok(us_notes_hear(&s, *lines, &err), &err);
    assert_ok(us_notes_recall(&s, ask, &b, &err), &err);
    const char *got = b.data ? b.data : "";
    if (want ? !strstr(got, want) : *got) fail_msg("'%s' recalls '%s', wanted is '%s'", ask, got, want ? want : "nothing");
    if (not &&strstr(got, not )) fail_msg("'%s' recalls '%s', '%s' is out of date", ask, got, not );
    us_buf_fini(&b);
    us_notes_fini(&s);
}
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_recall(void **state) {
    (void)state;
    check(LINES("Hi! My name is Petra.", "I like trains."), "What is my name?", "Petra", "trains");
    check(LINES("I'm Karen. I work at a bakery."), "Where do I work?", "bakery", NULL);
    check(LINES("I have two cats, Mila and Otto."), "What are my cats called?", "Mila and Otto", NULL);
    check(LINES("I live in Oslo"), "do you remember where I live?", "Oslo.", NULL);
    check(LINES("My dog is called Rex.", "My name is Jo."), "What's my dog's name?", "Rex", NULL);
    check(LINES("My dog is called Rex.", "My name is Jo."), "And what's my name?", "Jo", NULL);
    check(LINES("Hi! I'm Vera.", "I have a brother, we fight a lot."), "What's my name, do you remember?", "Vera", "brother");
    check(LINES("Я Оля.", "Я устала."), "Как меня зовут?", "Оля", NULL);
    check(LINES("I'm a dentist, by the way.", "I think you are fun."), "So what do I do for a living?", "dentist", "fun");
    check(LINES("I am 34 years old."), "How old am I?", "34", NULL);
    check(LINES("My sister plays the cello."), "Which instrument does my sister play?", "cello", NULL);
    check(LINES("Меня зовут Оля."), "Как меня зовут?", "Оля", NULL);
    check(LINES("Я живу в Казани.", "У меня есть собака по кличке Шарик."), "Где я живу?", "Казани", NULL);
    check(LINES("У меня есть собака по кличке Шарик."), "Как зовут мою собаку?", "Шарик", NULL);
    check(LINES("Я работаю учителем."), "Кем я работаю?", "учителем", NULL);
}

static void test_corrections(void **state) {
    (void)state;
    check(LINES("My name is Tom.", "Actually, my name is Tim."), "What is my name?", "Tim", "Tom");
    check(LINES("My name is Tom.", "No, it's Tim."), "What is my name?", "Tim", NULL);
    check(LINES("I live in Rome.", "I moved to Milan."), "Where do I live?", "Milan", "Rome");
    check(LINES("My cat is called Max.", "My dog is called Bob."), "What is my cat called?", "Max", NULL);
    check(LINES("Я живу в Туле.", "Мы переехали в Омск."), "В каком городе я живу?", "Омск", "Туле");
}

static void test_nothing(void **state) {
    us_notes s = {0};
    (void)state;
    check(LINES("My name is Petra."), "What is your name?", NULL, NULL);
    check(LINES("My name is Petra."), "Do you like beer?", NULL, NULL);
    check(LINES("Do I look like a cat?", "I think so.", "I love you!", "Tell me a joke."), "What is my name?", NULL, NULL);
    assert_ok(us_notes_hear(&s, "I don't know what to say. Oh my god!", &err), &err);
    assert_int_equal(s.n, 0);
    assert_int_equal(us_notes_add(&s, "  ", &err), US_ERR_ARGUMENT);
    char line[40];
    for (int i = 0; i < 3 * US_MAX_NOTES; i++) {
        snprintf(line, sizeof line, "I own boat number %d.", i);
        assert_ok(us_notes_hear(&s, line, &err), &err);
    }
    assert_int_equal(s.n, US_MAX_NOTES);
    us_notes_fini(&s);
    assert_ok(us_notes_hear(&s, "\xff\xfe my name is \xff", &err), &err); /* no text at all */
    us_notes_fini(&s);
}

static void test_answers(void **state) {
    (void)state;
    assert_true(us_notes_answers("I have two cats, Mila and Otto. ", "What are my cats called?", "Otto and Mila!"));
    assert_false(us_notes_answers("I have two cats, Mila and Otto. ", "What are my cats called?", "Cats, I have cats."));
    assert_true(us_notes_answers("I live in Oslo. ", "Where do I live?", "You live in Oslo, right?"));
    assert_false(us_notes_answers("I live in Oslo. ", "Where do I live?", "You live in a house."));
}

/* The prompt of a conversation with a card of nothing but a name. */
static void check_prompt(const us_chat_line *lines, size_t n, const char *user, const char *system, const char *last) {
    static const char json[] = "{\"spec\": \"chara_card_v2\", \"spec_version\": \"2.0\", \"data\": {\"name\": \"Bo\", "
                               "\"description\": \"You are Bo.\", \"extensions\": {\"understudy\": {\"history\": 4}}}}";
    us_card *card;
    us_prompt p;
    assert_ok(us_card_parse(json, sizeof json - 1, "card", &card, &err), &err);
    us_conversation c = {.card = card, .trained = true, .user = user, .lines = lines, .n_lines = n, .new_turn = true};
    assert_ok(us_conversation_prompt(&(us_backend){0}, &c, &p, &err), &err);
    if (system && !strstr(p.messages[0].content, system)) fail_msg("'%s' is not in '%s'", system, p.messages[0].content);
    if (!system) assert_null(strstr(p.messages[0].content, "scene"));
    assert_string_equal(p.messages[p.n - 1].content, last);
    us_prompt_fini(&p);
    us_card_free(card);
}

static void test_prompt(void **state) {
    us_chat_line talk[24] = {{NULL, "I have two cats, Mila and Otto.", false, false}, {NULL, "Cats!", true, false}};
    us_chat_line scene[24] = {{NULL, "They are lost in a forest.", false, false}, {"Al", "Where are we?", false, false}};
    (void)state;
    for (size_t i = 2; i < 22; i++) talk[i] = (us_chat_line){NULL, "So what.", i % 2, false};
    talk[22] = (us_chat_line){NULL, "What are my cats called?", false, false};
    check_prompt(talk, 23, NULL, NULL, "I have two cats, Mila and Otto. What are my cats called?");
    talk[0].name = talk[22].name = "Al"; /* somebody else's cats */
    check_prompt(talk, 23, NULL, NULL, "Al: What are my cats called?");
    check_prompt(talk, 23, "Al", NULL, "Al: I have two cats, Mila and Otto. What are my cats called?");
    for (size_t i = 2; i < 22; i++) scene[i] = (us_chat_line){i % 2 ? "Al" : "", i % 2 ? "Hm." : "No.", !(i % 2), false};
    check_prompt(scene, 22, NULL, "The scene: They are lost in a forest.", "Al: Hm.");
    check_prompt(scene, 2, NULL, NULL, "They are lost in a forest.\nAl: Where are we?"); /* it is seen */
}

static void test_judge(void **state) {
    const us_said lines[] = {{"", "What are my cats called?"}};
    us_conversation_view c = {.lines = lines, .n_lines = 1, .recalled = "I have two cats, Mila and Otto. "};
    us_candidate takes[] = {{.text = "Cats."}, {.text = "Mila, of course!"}};
    (void)state;
    assert_ok(us_notes_judge(NULL, &c, takes, 2, &err), &err);
    assert_true(takes[0].judged == 0 && takes[1].judged > 10);
    assert_true(takes[0].forgets && !takes[1].forgets);
    c.recalled = NULL;
    takes[1].judged = 0;
    assert_ok(us_notes_judge(NULL, &c, takes, 2, &err), &err);
    assert_true(takes[1].judged == 0);
}

/* Whoever calls themselves by another name of the cast. */
static void test_names(void **state) {
    static const char json[] =
        "{\"spec\": \"chara_card_v2\", \"spec_version\": \"2.0\", \"data\": {\"name\": \"Bo Berg\", \"extensions\": "
        "{\"understudy\": {\"cast\": [\"Al Oak\", \"Al\", \"Bo\"]}}}}";
    const us_said ask[] = {{"", "What's your name?"}}, talk[] = {{"", "Who ate my pie?"}};
    us_candidate takes[] = {{.text = "I'm Al!"}, {.text = "My name is Al Oak."}, {.text = "It's Al."}, {.text = "Al."},
                            {.text = "I'm Bo."}, {.text = "I'm all ears."}};
    us_conversation_view c = {.lines = ask, .n_lines = 1};
    us_card *card;
    (void)state;
    assert_ok(us_card_parse(json, sizeof json - 1, "card", &card, &err), &err);
    assert_ok(us_card_judge(card, &c, takes, 6, &err), &err);
    for (int i = 0; i < 6; i++) assert_true((takes[i].judged < -100) == (i < 4));
    for (int i = 0; i < 6; i++) takes[i].judged = 0;
    c.lines = talk; /* "It's Al." accuses */
    assert_ok(us_card_judge(card, &c, takes, 6, &err), &err);
    for (int i = 0; i < 6; i++) assert_true((takes[i].judged < -100) == (i < 2));
    us_card_free(card);
}

/* The visitor's names are theirs, told now or long ago, and a character does not greet themselves. */
static void test_whose_name(void **state) {
    static const struct {
        const char *told, *reply;
        bool mixed;
    } cases[] = {{"My name's Vera, and I'm from Springfield.", "My name's Vera, and I'm from Springfield.", true},
                 {"My name's Vera.", "Great, I'm glad. I'm Vera's mom.", true},
                 {"my name is vera", "I'm Vera!", true},
                 {"Hi! I'm Vera.", "Hello, I am Vera.", true},
                 {"My dog is called Rocket.", "Is Rocket your name?", true},
                 {"My dog is called Rocket.", "Rocket is my name!", true},
                 {"У меня есть собака по кличке Шарик.", "Меня зовут Шарик.", true},
                 {"", "Hello, Homer.", true},
                 {NULL, "Oh, hi Homer! How are you?", true},
                 {"", "Thank you, Homer.", true},
                 {"My name's Vera.", "Hello, Vera! I'm Homer.", false},
                 {"My name's Vera, and I'm from Springfield.", "I'm from Springfield too.", false},
                 {"My name's Vera.", "Your name is Vera.", false},
                 {"My dog is called Rocket.", "Rocket is a good name for your dog.", false},
                 {"My name is Homer.", "My name is Homer too!", false},
                 {"I like trains. They are fast.", "I'm fast.", false},
                 {"", "Hello, Homer here.", false},
                 {"", "Hi, I'm Homer.", false},
                 {"", "Homer likes donuts.", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (us_names_mixed(cases[i].told, "Homer Simpson", cases[i].reply) != cases[i].mixed)
            fail_msg("'%s' - '%s' is judged wrongly", cases[i].told ? cases[i].told : "", cases[i].reply);
    assert_false(us_names_mixed(NULL, "Vera Stone", "Hello, Vera Stone here.")); /* of anybody, by whole or first name */
    assert_false(us_names_mixed(NULL, "Vera Stone", "Hi, Vera here."));
    assert_true(us_names_mixed(NULL, "Vera Stone", "Hello, Vera Stone!"));
    assert_false(us_names_mixed(NULL, "Mr. Burns", "Hello, Mr. Smithers.")); /* a title is nobody's name */
    assert_true(us_names_mixed(NULL, "Mr. Burns", "Hello, Mr. Burns."));
    us_buf told; /* a long line: what was told last is read */
    us_buf_init(&told, 1 << 17);
    for (int i = 0; i < 20000; i++) assert_ok(us_buf_append_str(&told, "no ", &err), &err);
    assert_ok(us_buf_append_str(&told, "my name is vera", &err), &err);
    assert_true(us_names_mixed(told.data, "Homer Simpson", "I'm Vera!"));
    us_buf_fini(&told);
    us_conversation_view c = {.told = "My name's Vera. ", .who = "Homer Simpson"};
    us_candidate takes[] = {{.text = "I'm Vera."}, {.text = "Hello, Vera."}};
    assert_ok(us_notes_judge(NULL, &c, takes, 2, &err), &err);
    assert_true(takes[0].judged < -100 && takes[1].judged == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recall),  cmocka_unit_test(test_corrections),
                                       cmocka_unit_test(test_nothing), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_prompt),  cmocka_unit_test(test_judge),
                                       cmocka_unit_test(test_names),   cmocka_unit_test(test_whose_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
