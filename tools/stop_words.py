"""Makes src/explore/stop_word_lists.c from the package stopwordsiso. Run in the repository root."""
import stopwordsiso as s,re,unicodedata
langs='de fr es pt it nl sv da no fi pl cs uk tr ar fa hi zh ja ko th he el hu ro id vi'.split()
out=['''/* explore/stop_word_lists.c - stop words of languages beside English and Russian: the lists of stopwords-iso 0.7.1
 * (MIT licence, copyright Gene Diaz), words without blanks, case-folded, apostrophes straight, sorted. Made by tools/stop_words.py. */
#include "explore/stop_word_lists.h"
#include <stddef.h>
/* clang-format off */

''']
for l in langs:
    ws=set()
    for w in s.stopwords(l):
        w=unicodedata.normalize('NFC',w).lower().replace('\u2019',"'").strip()
        if not w or re.search(r'[\s"\\]',w) or not any(c.isalpha() for c in w): continue
        if l not in('zh','ja','th','ko') and len(w)<2 and w.isascii(): continue
        ws.add(w)
    lines=[];cur=''
    for w in sorted(ws):
        if len(cur.encode())+len(w.encode())+1>100: lines.append(cur);cur=''
        cur+=w+' '
    lines.append(cur.rstrip())
    out.append('static const char *const %s[] = {'%l); out+= ['    "%s",'%x for x in lines]; out.append('    NULL};')
out.append('const us_stop_list us_stop_lists[] = {'+', '.join('{"%s", %s}'%(l,l) for l in langs)+', {NULL, NULL}};\n')
open('src/explore/stop_word_lists.c','w').write('\n'.join(out))
