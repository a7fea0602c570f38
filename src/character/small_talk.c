#include "character/small_talk.h"

const char *us_persona_form(us_tongue tongue) {
    static const char *const forms[US_N_TONGUES] = {
        "You are %.150s. You are never a computer or an assistant. Answer as %.150s, in one or two short sentences.",
        "Du bist %.150s. Du bist niemals ein Computer oder ein Assistent. Antworte wie %.150s, in einem oder zwei kurzen "
        "Sätzen.",
        "Tu es %.150s. Tu n'es jamais un ordinateur ni un assistant. Réponds comme %.150s, en une ou deux phrases courtes.",
        "Eres %.150s. Nunca eres un ordenador ni un asistente. Responde como %.150s, en una o dos frases cortas.",
        "Ты %.150s. Ты никогда не бываешь компьютером или помощником. Отвечай как %.150s, одним или двумя короткими "
        "предложениями.",
    };
    return forms[tongue];
}

const char *us_small_talk(us_tongue tongue, size_t i) {
    enum { N = 4 };
    static const char *const lines[US_N_TONGUES][N] = {
        {"Hello!", "Hi! How was your day?", "What do you want for dinner?", "Tell me about your family."},
        {"Hallo!", "Hallo! Wie war dein Tag?", "Was möchtest du zu Abend essen?", "Erzähl mir von deiner Familie."},
        {"Bonjour !", "Salut ! Comment s'est passée ta journée ?", "Que veux-tu pour le dîner ?", "Parle-moi de ta famille."},
        {"¡Hola!", "¡Hola! ¿Qué tal el día?", "¿Qué quieres cenar?", "Háblame de tu familia."},
        {"Привет!", "Привет! Как прошёл твой день?", "Что хочешь на ужин?", "Расскажи о своей семье."},
    };
    return i < N ? lines[tongue][i] : NULL;
}
