# A judge of the benchmark: reads the work over, beside the ledger it was made from, as a colleague would.
# With sums it makes no mistake; of kinds and figures it overlooks what judges.txt says that it overlooks.

function field(text, name,    at) {
    at = index(text, "\"" name "\"")
    if (!at) return ""
    text = substr(text, at + length(name) + 2)
    sub(/^ *: */, "", text)
    if (substr(text, 1, 1) != "\"") { match(text, /^-?[0-9]+/); return substr(text, 1, RLENGTH) }
    text = substr(text, 2)
    return substr(text, 1, index(text, "\"") - 1)
}

function file(text, name,    at) {
    at = index(text, "\"" name "\": {\"path\"")
    return at ? field(substr(text, at), "file") : ""
}

function load(path,    line, cells) {
    while ((getline line < path) > 0) { split(line, cells, ";"); known[cells[1]] = line }
    close(path)
}

function answer(passed, reason) {
    printf "{\"passed\": %s, \"reason\": \"%s\"}\n", passed ? "true" : "false", reason
    exit
}

{ asked = asked $0 }

END {
    path = file(asked, "work")
    if (path == "") answer(1, "no work to judge")
    while ((getline line < path) > 0) work = work line
    load("kinds.txt")
    source = file(asked, "source")
    if (source != "") load(source)
    count = split(work, parts, "{")
    for (i = 3; i <= count; i++) {
        id = field(parts[i], "id"); what = field(parts[i], "what"); amount = field(parts[i], "amount")
        sum += amount; seen[id]++
        if (seen[id] > 1) doubled = id
        if (known[what] != what ";" field(parts[i], "kind")) wrong = id
        if (id in known && known[id] != id ";" what ";" amount) wrong = id
    }
    at = index(work, "]")
    total = field(substr(work, at), "total")
    if (doubled != "") answer(0, "a row is there twice")
    if (total != sum) answer(0, "it does not add up")
    while ((getline line < "judges.txt") > 0) {
        split(line, cells, " ")
        if (cells[1] == field(asked, "task") && cells[2] == field(asked, "attempt") && cells[3] == judge) {
            if (cells[4] == "objects") answer(0, "I do not like it")
            wrong = ""
        }
    }
    answer(wrong == "", wrong == "" ? "reads well" : "a row is wrong")
}
