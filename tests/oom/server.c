/* A server in this process with allocations that fail: a request of every family of routes, once for each allocation that is made
 * while it is answered, with that one failing. No crash; each answer is right, or an error (a status, an error event, a stream
 * that is cut off); a chat is as it was before or as it should be. Afterwards, with nothing failing, every request is answered
 * as it was in the beginning, no chat is lost, and the file of chats opens again.
 *
 *   oom_server [NUMBER...]  only these requests.   US_OOM_MOST=N: of more allocations than N, N spread evenly (default 8; 0: all)
 *   US_OOM_SHOW=1           prints where the allocation failed, for each finding */
#include "failing.h"
#include "mktiny.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <understudy/serve.h>
#include <unistd.h>

static char dir[200], now_at[300];
static int port;
static us_server *server;

static const char *at(const char *name) {
    static char paths[8][300];
    static int i;
    i = (i + 1) % 8;
    snprintf(paths[i], sizeof paths[i], "%s/%s", dir, name);
    return paths[i];
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f)) abort();
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *w) {
    (void)sb, (void)type, (void)w;
    return remove(path);
}

/* ---- a client without allocations ------------------------------------------------------------------------------- */

typedef struct answer {
    int status;  /* 0: none came */
    bool whole;  /* it ended as it should */
    bool events; /* a stream of events or of lines */
    size_t n;
    char body[1 << 19];
} answer;

static size_t exchange(const char *out, size_t n_out, char *in, size_t max) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    size_t n = 0;
    ssize_t k;
    if (s < 0) abort();
    if (!connect(s, (struct sockaddr *)&a, sizeof a) && send(s, out, n_out, MSG_NOSIGNAL) == (ssize_t)n_out)
        while (n + 1 < max && (k = recv(s, in + n, max - 1 - n, 0)) > 0) n += (size_t)k;
    close(s);
    in[n] = 0;
    return n;
}

/* Takes the chunks apart. */
static void unchunk(answer *a, const char *p, const char *end) {
    for (;;) {
        char *q;
        unsigned long len = strtoul(p, &q, 16);
        if (q == p || q + 2 > end || strncmp(q, "\r\n", 2)) return;
        p = q + 2;
        if (!len) {
            a->whole = true;
            return;
        }
        if (p + len + 2 > end) len = (size_t)(end - p);
        memcpy(a->body + a->n, p, len);
        a->body[a->n += len] = 0;
        p += len + 2;
        if (p >= end) return;
    }
}

static void ask(const char *method, const char *path, const char *body, answer *a) {
    static char out[1 << 16], in[1 << 20];
    int n = snprintf(
        out, sizeof out,
        "%s %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
        method, path, port, !strncmp(path, "/api/scripts", 12) ? "application/octet-stream" : "application/json", strlen(body),
        body);
    size_t got = exchange(out, (size_t)n, in, sizeof in);
    const char *head_end = strstr(in, "\r\n\r\n"), *length;
    a->status = 0;
    a->whole = a->events = false;
    a->n = 0;
    a->body[0] = 0;
    if (!head_end || sscanf(in, "HTTP/1.1 %d", &a->status) != 1) return;
    const char *data = head_end + 4;
    a->events = strstr(in, "text/event-stream") && strstr(in, "text/event-stream") < head_end;
    a->events = a->events || (strstr(in, "x-ndjson") && strstr(in, "x-ndjson") < head_end);
    if (strstr(in, "Transfer-Encoding: chunked") && strstr(in, "Transfer-Encoding: chunked") < head_end) {
        unchunk(a, data, in + got);
        return;
    }
    length = strstr(in, "Content-Length: ");
    a->n = (size_t)(in + got - data);
    if (a->n >= sizeof a->body) abort();
    memcpy(a->body, data, a->n + 1);
    a->whole = a->status == 204 || (length && length < head_end && strtoul(length + 16, NULL, 10) == a->n);
}

/* ---- the requests ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *method, *path, *body; /* {chat}, {turn} (the last one), {first}, {undo} */
    bool chat;                        /* it changes a chat: each time a new one */
} requests[] = {
    {"GET", "/health", "", false},
    {"GET", "/api/state", "", false},
    {"GET", "/", "", false},
    {"GET", "/metrics", "", false},
    {"GET", "/v1/models", "", false},
    {"GET", "/v1/models/ann", "", false},
    {"POST", "/v1/tokenize", "{\"content\": \"Hi there.\"}", false},
    {"POST", "/v1/detokenize", "{\"tokens\": [5, 9, 20]}", false},
    {"POST", "/v1/chat/completions",
     "{\"model\": \"ann\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 4, \"seed\": 1}", false},
    {"POST", "/v1/chat/completions",
     "{\"model\": \"ann\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 4, \"seed\": 1, "
     "\"stream\": "
     "true, \"takes\": 2}",
     false},
    {"POST", "/v1/chat/completions",
     "{\"model\": \"base\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 8, \"seed\": 1, "
     "\"logprobs\": true, \"top_logprobs\": 2, \"n\": 2, \"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
     "{\"name\": \"x\", \"schema\": {\"type\": \"object\", \"properties\": {\"a\": {\"enum\": [\"b\", \"c\"]}}, \"required\": "
     "[\"a\"]}}}}",
     false},
    {"POST", "/v1/completions", "{\"model\": \"base\", \"prompt\": \"Once\", \"max_tokens\": 4, \"seed\": 1, \"echo\": true}",
     false},
    {"POST", "/completion", "{\"prompt\": \"Once\", \"n_predict\": 4, \"seed\": 1}", false},
    {"POST", "/completion", "{\"prompt\": \"Once\", \"n_predict\": 4, \"seed\": 1, \"stream\": true}", false},
    {"GET", "/props", "", false},
    {"POST", "/apply-template", "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}", false},
    {"GET", "/api/tags", "", false},
    {"POST", "/api/chat",
     "{\"model\": \"ann\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"options\": {\"seed\": 1, "
     "\"num_predict\": "
     "4}}",
     false},
    {"POST", "/api/generate",
     "{\"model\": \"ann\", \"prompt\": \"Hi\", \"stream\": false, \"options\": {\"seed\": 1, "
     "\"num_predict\": 4}}",
     false},
    {"GET", "/api/characters", "", false},
    {"GET", "/api/characters/ann", "", false},
    {"GET", "/api/characters/ann/card.json", "", false},
    {"GET", "/api/characters/ann/card.png", "", false},
    {"GET", "/api/characters/ann/picture", "", false},
    {"GET", "/api/scripts", "", false},
    {"GET", "/api/jobs", "", false},
    {"GET", "/api/nothing", "", false},
    {"POST", "/v1/chat/completions", "{\"model\": \"ann\", ", false},
    {"POST", "/api/chats", "{\"characters\": [\"ann\"], \"user\": \"Pat\"}", true},
    {"GET", "/api/chats", "", true},
    {"GET", "/api/chats/{chat}", "", true},
    {"PATCH", "/api/chats/{chat}", "{\"title\": \"T\", \"scale\": {\"ann\": 0.5}, \"notes\": [\"I am Pat.\"]}", true},
    {"POST", "/api/chats/{chat}/say", "{\"text\": \"What is my name?\", \"seed\": 1, \"max_tokens\": 4, \"takes\": 1}", true},
    {"POST", "/api/chats/{chat}/say", "{\"text\": \"Hello\", \"seed\": 1, \"max_tokens\": 4, \"takes\": 3}", true},
    {"POST", "/api/chats/{chat}/next", "{\"seed\": 1, \"max_tokens\": 4, \"takes\": 1}", true},
    {"POST", "/api/chats/{chat}/turns/{turn}/regenerate", "{\"seed\": 5, \"max_tokens\": 4, \"takes\": 2}", true},
    {"POST", "/api/chats/{chat}/compare", "{\"variants\": [{\"scale\": 0}, {\"scale\": 1}], \"seed\": 1, \"max_tokens\": 4}",
     true},
    {"POST", "/api/chats/{chat}/stop", "{}", true},
    {"PATCH", "/api/chats/{chat}/turns/{turn}", "{\"text\": \"My own words.\"}", true},
    {"GET", "/api/chats/{chat}/turns/{turn}/prompt", "", true},
    {"POST", "/api/chats/{chat}/branch", "{\"turn\": {first}}", true},
    {"DELETE", "/api/chats/{chat}/turns/{turn}", "", true},
    {"GET", "/api/chats/{chat}/export", "", true},
    {"GET", "/api/chats/{chat}/export?format=sillytavern", "", true},
    {"POST", "/api/chats/import",
     "{\"format\": \"sillytavern\", \"data\": \"{\\\"user_name\\\": \\\"Pat\\\", \\\"character_name\\\": \\\"Ann\\\"}\\n"
     "{\\\"name\\\": \\\"Ann\\\", \\\"mes\\\": \\\"b\\\", \\\"swipes\\\": [\\\"a\\\", \\\"b\\\"], \\\"swipe_id\\\": 1}\\n\"}",
     true},
    {"POST", "/api/chats/import",
     "{\"format\": \"json\", \"data\": {\"understudy_chat\": 2, \"characters\": [\"ann\"], \"turns\": [{\"role\": \"user\", "
     "\"speaker\": \"Pat\", \"text\": \"Hi\"}]}}",
     true},
    {"DELETE", "/api/chats/{chat}", "", true},
};
enum { N_REQUESTS = sizeof requests / sizeof *requests };

static char chat[40], turn[40], first[40];

static void fill(const char *text, char *out, size_t max) {
    const struct { const char *name, *value; } names[] = {{"{chat}", chat}, {"{turn}", turn}, {"{first}", first}};
    size_t n = 0;
    while (*text && n + 1 < max) {
        const char *value = NULL;
        for (size_t i = 0; i < sizeof names / sizeof *names && !value; i++)
            if (!strncmp(text, names[i].name, strlen(names[i].name))) value = names[i].value, text += strlen(names[i].name);
        if (value) n += (size_t)snprintf(out + n, max - n, "%s", value);
        else out[n++] = *text++;
    }
    out[n] = 0;
}

static answer scratch;

static void must(const char *method, const char *path, const char *body, int status) {
    ask(method, path, body, &scratch);
    if (scratch.status == status && scratch.whole) return;
    printf("FAIL: %s %s with nothing failing: %d %s\n", method, path, scratch.status, scratch.body);
    exit(1);
}

/* How many turns the chat has, and the first and the last of them. */
static size_t look_at_chat(void) {
    char path[100];
    snprintf(path, sizeof path, "/api/chats/%s", chat);
    must("GET", path, "", 200);
    json_t *j = json_loads(scratch.body, 0, NULL), *turns = json_object_get(j, "turns");
    size_t n = json_array_size(turns);
    snprintf(turn, sizeof turn, "%lld", (long long)json_integer_value(json_object_get(json_array_get(turns, n - 1), "id")));
    snprintf(first, sizeof first, "%lld", (long long)json_integer_value(json_object_get(json_array_get(turns, 0), "id")));
    json_decref(j);
    return n;
}

static size_t n_made; /* chats that the server said are there */

static void new_chat(void) {
    char path[100];
    must("POST", "/api/chats", "{\"characters\": [\"ann\"], \"user\": \"Pat\"}", 201);
    json_t *j = json_loads(scratch.body, 0, NULL);
    snprintf(chat, sizeof chat, "%s", json_string_value(json_object_get(j, "id")));
    json_decref(j);
    n_made++;
    snprintf(path, sizeof path, "/api/chats/%s/say", chat);
    must("POST", path, "{\"text\": \"My name is Pat.\", \"seed\": 1, \"max_tokens\": 3, \"takes\": 1}", 200);
    if (look_at_chat() != 3) exit(1);
}

/* ---- what an answer says, without what differs from one time to the next ----------------------------------------- */

static void mask(const char *s, size_t len, uint64_t *digest) {
    for (size_t i = 0; i < len;) {
        static const char *const hidden[] = {"\"id\":\"",          "\"id\": \"",        "\"undo\":\"",
                                             "\"last\":\"",        "\"updated_at\":\"", "\"created_at\":\"",
                                             "\"modified_at\":\"", "\"send_date\":\"",  "\"create_date\":\""};
        bool hides = false;
        for (size_t k = 0; k < sizeof hidden / sizeof *hidden && !hides; k++)
            if (!strncmp(s + i, hidden[k], strlen(hidden[k]))) {
                i += strlen(hidden[k]);
                while (i < len && s[i] != '"') i++;
                hides = true;
            }
        if (hides) continue;
        if (*chat && !strncmp(s + i, chat, strlen(chat))) {
            i += strlen(chat);
            continue;
        }
        if ((s[i] >= '0' && s[i] <= '9') || s[i] == '.' || s[i] == '-') {
            while (i < len && ((s[i] >= '0' && s[i] <= '9') || strchr(".-+e", s[i]))) i++;
            continue;
        }
        *digest = (*digest ^ (unsigned char)s[i++]) * 1099511628211u;
    }
}

/* The pieces of a stream joined: what stands behind "KEY": in each of its lines. */
static void join(const char *body, const char *key, uint64_t *digest) {
    char name[40];
    int n = snprintf(name, sizeof name, "\"%s\":\"", key);
    for (const char *p = body; (p = strstr(p, name));) {
        for (p += n; *p && *p != '"'; p++) {
            *digest = (*digest ^ (unsigned char)*p) * 1099511628211u;
            if (*p == '\\' && p[1]) p++;
        }
    }
}

static bool says_error(const answer *a) { return strstr(a->body, "event: error") || strstr(a->body, "\"error\":"); }

static uint64_t digest_of(int i, const answer *a) {
    uint64_t d = 14695981039346656037u;
    const char *done = strstr(a->body, "event: done");
    if (!strcmp(requests[i].path, "/metrics") || !strcmp(requests[i].path, "/api/chats") ||
        !strcmp(requests[i].path, "/api/state"))
        return (uint64_t)a->status; /* what changes all the time */
    if (!a->events) mask(a->body, a->n, &d);
    else if (done) {
        uint64_t sum = 0;
        for (; done; done = strstr(done + 1, "event: done")) { /* of a comparison: in any order */
            uint64_t one = 7;
            mask(done, strcspn(done + 12, "\n") + 12, &one);
            sum += one;
        }
        d ^= sum;
        if (strstr(requests[i].body, "\"takes\": 1")) { /* the words came as they were kept */
            char *event = strstr(a->body, "event: delta");
            for (; event; event = strstr(event + 1, "event: delta")) {
                char *end = strstr(event, "\n\n");
                if (end) *end = 0;
                join(event, "text", &d);
                if (end) *end = '\n';
            }
        }
    } else {
        join(a->body, "content", &d);
        join(a->body, "response", &d);
    }
    return d + (uint64_t)a->status;
}

/* ---- the walk ----------------------------------------------------------------------------------------------------- */

static struct {
    uint64_t digest;
    size_t n_turns; /* of its chat, afterwards */
    long n;         /* allocations */
} normal[N_REQUESTS];

static void crashed(int sig) {
    (void)!write(2, now_at, strlen(now_at));
    signal(sig, SIG_DFL);
    raise(sig);
}

static void request_failing(int i, long fail, long every, answer *a) {
    char path[200], body[2000];
    if (requests[i].chat) new_chat();
    fill(requests[i].path, path, sizeof path);
    fill(requests[i].body, body, sizeof body);
    snprintf(now_at, sizeof now_at, "FAIL: request %d, %s %s, allocation %ld: crashed\n", i, requests[i].method,
             requests[i].path, fail);
    fail_from_now(fail, every);
    ask(requests[i].method, path, body, a);
    fail_no_more();
    if (!strcmp(requests[i].path, "/api/chats") && a->status == 201) n_made++;
    if (strstr(requests[i].path, "branch") && a->status == 201) n_made++;
    if (strstr(requests[i].path, "import") && a->status == 201) n_made++;
    if (!strcmp(requests[i].method, "DELETE") && !strcmp(requests[i].path, "/api/chats/{chat}") && a->status == 204) n_made--;
}

static void request(int i, long fail, answer *a) { request_failing(i, fail, 0, a); }

static bool deletes_chat(int i) {
    return !strcmp(requests[i].method, "DELETE") && !strcmp(requests[i].path, "/api/chats/{chat}");
}

static const char *judge(int i, const answer *a) {
    if (!a->status) return "no answer";
    bool cut = a->events && !a->whole, error = a->status >= 400 || (a->events && says_error(a));
    bool wrong_request =
        !strcmp(requests[i].path, "/api/nothing") || strstr(requests[i].body, "\"ann\", ") == requests[i].body + 10;
    if (!a->whole && !cut) return "an answer that is not whole";
    if (a->status >= 400 && !wrong_request && !strstr(a->body, "\"error\"")) return "an error without words";
    if (cut && a->status == 200) error = true;
    if (!error && digest_of(i, a) != normal[i].digest) return "success, and another answer";
    if (!requests[i].chat || deletes_chat(i)) return NULL;
    size_t n = look_at_chat();
    if (!error && n != normal[i].n_turns) return "success, and another chat";
    if (error && (n < 2 || n > 5)) return "the chat has lost turns";
    return NULL;
}

static answer got;
static long n_tried;

/* Many allocations fail at once: the server lives. */
static void walk_among_many(int i) {
    static const long every[] = {2, 3, 5, 7, 11, 23, 47};
    for (size_t k = 0; k < sizeof every / sizeof *every; k++) request_failing(i, 0, every[k], &got), n_tried++;
}

static int walk(int i, long most) {
    int n_bad = 0;
    long n = normal[i].n, step = most && n > most ? (n + most - 1) / most : 1;
    for (long k = 1; k <= n; k += step) {
        request(i, k, &got);
        n_tried++;
        const char *log = judge(i, &got);
        if (!log) continue;
        printf("FAIL: request %d, %s %s, allocation %ld of %ld: %s: %d %.300s\n", i, requests[i].method, requests[i].path, k, n,
               log, got.status, got.body);
        if (getenv("US_OOM_SHOW")) {
            failing.show = true;
            request(i, k, &got);
            failing.show = false;
        }
        if (++n_bad >= 5) break;
    }
    printf("# %d: %s %s: %ld allocations, every %ld tried, %d wrong\n", i, requests[i].method, requests[i].path, n, step,
           n_bad);
    fflush(stdout);
    return n_bad;
}

static int same_as_before(int i) {
    request(i, 0, &got);
    if (digest_of(i, &got) == normal[i].digest && got.whole) return 0;
    printf("FAIL: afterwards, %s %s: %d %.300s\n", requests[i].method, requests[i].path, got.status, got.body);
    return 1;
}

static size_t n_chats(void) {
    must("GET", "/api/chats", "", 200);
    json_t *j = json_loads(scratch.body, 0, NULL);
    size_t n = json_array_size(json_object_get(j, "chats"));
    json_decref(j);
    return n;
}

static us_status open_server(const us_model *model, us_error *err) {
    us_serve_options o = {.characters = at("cast"),
                          .data_dir = at("data"),
                          .program = "/bin/true",
                          .n_parallel = 2,
                          .n_queue = 8,
                          .n_ctx = 2048,
                          .n_threads = 1};
    static char cast[300], data[300];
    snprintf(cast, sizeof cast, "%s", at("cast"));
    snprintf(data, sizeof data, "%s", at("data"));
    o.characters = cast;
    o.data_dir = data;
    us_status st = us_server_new(&o, &server, err);
    if (!st) port = us_server_port(server);
    return st ? st : us_server_set_model(server, model, err);
}

int main(int argc, char **argv) {
    const char *text = getenv("US_OOM_MOST");
    long most = text ? atol(text) : 8;
    int n_bad = 0, n_found = 0;
    us_error err;
    us_model *model;
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* no disk: all that is written is synced */
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    char *folder = us_tiny_folder();
    snprintf(dir, sizeof dir, "%s", folder);
    free(folder);
    const us_tiny m = {.arch = "llama", .type = 8, .n_ctx = 512};
    mkdir(at("cast"), 0700);
    mkdir(at("cast/ann"), 0700);
    write_file(
        at("cast/ann/card.json"),
        "{\"spec\":\"chara_card_v2\",\"spec_version\":\"2.0\",\"data\":{\"name\":\"Ann\",\"description\":\"{{char}} likes the "
        "moon.\",\"first_mes\":\"Hi!\",\"extensions\":{\"understudy\":{\"cast\":[\"Bob\"],\"takes\":2,\"adapter\":\"a.gguf\","
        "\"catch_phrases\":[\"the moon\"]}}}}");
    if (us_tiny_write(&m, at("m.gguf"), &err) ||
        us_tiny_write_adapter(&(us_tiny){.arch = "llama", .n_ctx = 512}, 2, 4, at("cast/ann/a.gguf"), &err) ||
        us_model_open(at("m.gguf"), &(us_model_options){.n_threads = 1}, &model, &err) || open_server(model, &err))
        return fprintf(stderr, "%s\n", err.message), 1;
    for (int i = 0; i < N_REQUESTS; i++) { /* what is right */
        request(i, 0, &got);               /* fills caches */
        request(i, 0, &got);
        normal[i].n = failing.n;
        normal[i].digest = digest_of(i, &got);
        if (!got.whole || (got.status >= 500 && !strstr(requests[i].path, "picture")))
            printf("FAIL: %s %s does not work: %d %s\n", requests[i].method, requests[i].path, got.status, got.body), n_bad++;
        if (requests[i].chat && !deletes_chat(i)) normal[i].n_turns = look_at_chat();
        n_bad += same_as_before(i);
    }
    for (int i = 0; i < N_REQUESTS && !n_bad; i++) {
        bool wanted = argc == 1;
        for (int k = 1; k < argc; k++) wanted = wanted || atoi(argv[k]) == i;
        if (wanted) n_found += walk(i, most), walk_among_many(i);
    }
    n_bad += n_found;
    for (int i = 0; i < N_REQUESTS; i++) n_bad += same_as_before(i);
    size_t n = n_chats();
    if (n < n_made) printf("FAIL: %zu chats, of %zu that were made\n", n, n_made), n_bad++;
    us_server_free(server);
    if (open_server(model, &err)) printf("FAIL: the server does not open again: %s\n", err.message), n_bad++;
    else {
        if (n_chats() != n) printf("FAIL: %zu chats after another start, %zu before\n", n_chats(), n), n_bad++;
        us_server_free(server);
    }
    us_model_free(model);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("%d requests, %ld times with failed allocations, %zu chats kept, %d wrong\n", N_REQUESTS, n_tried, n, n_bad);
    return n_bad != 0;
}
