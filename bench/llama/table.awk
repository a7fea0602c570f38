# Medians and ratios of bench/llama/run.sh: one line a test and thread count. "must" and "aim" are the project's
# goals for ours / llama.cpp on the same file, then against its Q4_0. For "peak" (MiB) smaller is better, so the
# ratio is still ours / theirs and must not exceed 1.
function median(key, n, values, i, j, v) {
    n = split(all[key], values, " ")
    for (i = 2; i <= n; i++) {
        v = values[i] + 0
        for (j = i - 1; j > 0 && values[j] + 0 > v; j--) values[j + 1] = values[j]
        values[j + 1] = v
    }
    return n == 0 ? 0 : n % 2 ? values[(n + 1) / 2] + 0 : (values[n / 2] + values[n / 2 + 1]) / 2
}
function ratio(a, b) { return b > 0 && a > 0 ? sprintf("%.2f", a / b) : "-" }
BEGIN {
    FS = "\t"
    must["pp512"] = "2.2"; aim["pp512"] = "3.5"; must["tg128"] = "1.4"; aim["tg128"] = "2"
    must["tg128@1024"] = "2"; aim["tg128@1024"] = "3"; must["batch8"] = "1.6"; aim["batch8"] = "3"
    must["first"] = "1.5"; aim["first"] = "3"; must["peak"] = "<= 1"; aim["peak"] = "<= 0.8"
    n_tests = split("pp512 tg128 tg128@1024 batch8 first peak", tests, " ")
}
/^#/ { next }
{
    all[$3 SUBSEP $4 SUBSEP $2] = all[$3 SUBSEP $4 SUBSEP $2] " " $6
    if (!($4 in seen)) { seen[$4] = 1; thread[++n_threads] = $4 }
}
END {
    print "| test | threads | understudy | llama.cpp | ratio | must | aim | llama.cpp Q4_0 | ratio | must | aim |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= n_tests; i++)
        for (j = 1; j <= n_threads; j++) {
            a = median(tests[i] SUBSEP thread[j] SUBSEP "ours")
            b = median(tests[i] SUBSEP thread[j] SUBSEP "llama")
            c = median(tests[i] SUBSEP thread[j] SUBSEP "llama-q4_0")
            four = i <= 4
            printf "| %s | %s | %.1f | %.1f | %s | %s | %s | %.1f | %s | %s | %s |\n", tests[i], thread[j], a, b,
                ratio(a, b), must[tests[i]], aim[tests[i]], c, ratio(a, c), four ? "1.0" : "", four ? "1.5" : ""
        }
    for (j = 1; j <= n_threads; j++) {
        a = median("tg128+lora" SUBSEP thread[j] SUBSEP "ours")
        b = median("tg128" SUBSEP thread[j] SUBSEP "ours")
        if (a) printf "\ndecode with a LoRA of rank 16 on seven modules, %s thread(s): %.1f, against our own without %s (must 0.87, aim 0.93)\n",
            thread[j], a, ratio(a, b)
    }
    print "\npp512, tg128, tg128@1024, batch8: tokens/s. first: openings to the first token, a second. peak: MiB."
}
