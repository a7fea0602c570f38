/* chat/names.h - whose name is whose: what the visitor has named is theirs ("My name's Vera.", "My dog is called Rocket."),
 * and a character calls neither themselves so nor the visitor by their own. Texts in, a verdict out. */
#ifndef US_CHAT_NAMES_H
#define US_CHAT_NAMES_H
#include "understudy/base.h"

/* told: sentences of the visitor, NULL or "" for none. who: the character's name; NULL: nothing is mixed. true: the reply of
 * `who` has "I'm Vera", "I'm Vera's mom", "my name is Rocket", "Is Rocket your name?", or says "Hello, Homer" of Homer. */
bool us_names_mixed(const char *told, const char *who, const char *reply);
#endif
