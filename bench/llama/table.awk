# Medians and ratios of bench/llama/run.sh: one line a test and thread count. "must" and "aim" are the project's
# goals for ours / llama.cpp on the same file, then against its Q4_0. For "peak" (MiB) smaller is better, so the
# ratio is still ours / theirs and must not exceed 1. The last columns say how near ours is to what the machine's measured
# bandwidth and float32 peak would allow (integer dot products may pass the latter).
function median(key, n, values, i, j, v) {
    n = split(all[key], values, " ")
    for (i = 2; i <= n; i++) {
        v = values[i] + 0
        for (j = i - 1; j > 0 && values[j] + 0 > v; j--) values[j + 1] = values[j]
        values[j + 1] = v
    }
    return n == 0 ? 0 : n % 2 ? values[(n + 1) / 2] + 0 : (values[n / 2] + values[n / 2 + 1]) / 2
}
function goal(goals, test, other) { return default_model || test == "peak" ? goals[test] : test == "first" ? "" : other }
function ratio(a, b) { return b > 0 && a > 0 ? sprintf("%.2f", a / b) : "-" }
BEGIN {
    FS = "\t"
    must["pp512"] = "2.2"; aim["pp512"] = "3.5"; must["tg128"] = "1.4"; aim["tg128"] = "2"
    must["tg128@1024"] = "2"; aim["tg128@1024"] = "3"; must["batch8"] = "1.6"; aim["batch8"] = "3"
    must["first"] = "1.5"; aim["first"] = "3"; must["peak"] = "<= 1"; aim["peak"] = "<= 0.8"
    n_tests = split("pp512 tg128 tg128@1024 batch8 first peak", tests, " ")
}
/^# machine, threads/ { split($0, m, /[ :,]+/); bandwidth[m[4]] = m[9] * 1e9; peak[m[4]] = m[12] * 1e9 }
/^# model SmolLM2-135M-Instruct.Q4_1/ { default_model = 1 }
/^# work/ { split($0, m, /[ :,]+/); weight_bytes = m[3]; kv_bytes = m[4]; flop = m[5]; kv_flop = m[6] }
/^#/ { next }
{
    all[$3 SUBSEP $4 SUBSEP $2] = all[$3 SUBSEP $4 SUBSEP $2] " " $6
    if (!($4 in seen)) { seen[$4] = 1; thread[++n_threads] = $4 }
}
# Of the machine's limit, for `speed` tokens a second of sequences that decode together after `depth` tokens (from, to).
function percent(part, whole) { return whole > 0 && part > 0 ? sprintf("%.0f %%", 100 * part / whole) : "" }
function of_bandwidth(test, speed, t) {
    if (test == "tg128") return percent(speed * (weight_bytes + 64 * kv_bytes), bandwidth[t])
    if (test == "tg128@1024") return percent(speed * (weight_bytes + 1088 * kv_bytes), bandwidth[t])
    return test == "batch8" ? percent(speed / 8 * (weight_bytes + 8 * 32 * kv_bytes), bandwidth[t]) : ""
}
function of_peak(test, speed, t) {
    return test == "pp512" ? percent(speed * (flop + 256 * kv_flop), peak[t]) : test == "batch8" ? percent(speed * (flop + 32 * kv_flop), peak[t]) : ""
}
END {
    print "| test | threads | understudy | llama.cpp | ratio | must | aim | llama.cpp Q4_0 | ratio | must | aim | of the bandwidth | of the float32 peak |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= n_tests; i++)
        for (j = 1; j <= n_threads; j++) {
            a = median(tests[i] SUBSEP thread[j] SUBSEP "ours")
            b = median(tests[i] SUBSEP thread[j] SUBSEP "llama")
            c = median(tests[i] SUBSEP thread[j] SUBSEP "llama-q4_0")
            four = i <= 4
            printf "| %s | %s | %.1f | %.1f | %s | %s | %s | %.1f | %s | %s | %s | %s | %s |\n", tests[i], thread[j], a, b,
                ratio(a, b), goal(must, tests[i], "1.0"), goal(aim, tests[i], "1.2"), c, ratio(a, c), four && default_model ? "1.0" : "", four && default_model ? "1.5" : "",
                of_bandwidth(tests[i], a, thread[j]), of_peak(tests[i], a, thread[j])
        }
    for (j = 1; j <= n_threads; j++) {
        a = median("tg128+lora" SUBSEP thread[j] SUBSEP "ours")
        b = median("tg128-lora" SUBSEP thread[j] SUBSEP "ours") # without, by turns in the same process
        if (a) printf "\ndecode with a LoRA of rank 16 on seven modules, %s thread(s): %.1f, against our own without %s (must 0.87, aim 0.93)\n",
            thread[j], a, ratio(a, b)
    }
    print "\npp512, tg128, tg128@1024, batch8: tokens/s. first: openings to the first token, a second. peak: MiB."
}
